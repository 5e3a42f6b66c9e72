package main

import (
	"fmt"
	"path"
	"slices"

	"systemg.org/sysg/pkg/cgroup"
)

// protect makes a memory.min of the leaf hold. The kernel protects no more than
// every directory above has, too (Documentation/admin-guide/cgroup-v2.rst). So
// the service's gets the same, and those up to the base the sum of what is in
// them; the base and what is above it are the administrator's, and must have it.
func (c *cgroups) protect(service *cgroup.Dir, writes []cgroup.Write) error {
	const file = "memory.min"
	wanted := cgroup.Write{File: file, Value: "0"}
	if i := slices.IndexFunc(writes, func(w cgroup.Write) bool { return w.File == file }); i >= 0 {
		wanted = writes[i]
	}
	had, there, err := service.Number(file)
	if err != nil || !there || wanted.Value == "0" && had == 0 {
		return err
	}
	if err := service.Limit([]cgroup.Write{wanted}); err != nil {
		return err
	}
	for at := path.Dir(service.Path()); at != c.base.Path(); at = path.Dir(at) {
		if err := c.sum(at, file); err != nil {
			return err
		}
	}
	need, err := c.base.SumBelow(file)
	if err != nil || wanted.Value == "0" {
		return err
	}
	for at := c.base.Path(); at != "."; at = path.Dir(at) {
		dir, err := cgroup.Open(c.mount, at)
		if err != nil {
			return err
		}
		has, there, err := dir.Number(file)
		dir.Close()
		if err == nil && there && has < need {
			err = fmt.Errorf("the kernel would not hold it: it has to stand at %q as well, which has %d of %d bytes (MemoryMin= of the unit)", "/"+at, has, need)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", wanted.Key(), err)
		}
	}
	return nil
}

// sum writes to a file of a directory of ours the sum of those below it.
func (c *cgroups) sum(at, file string) error {
	dir, err := c.open(at)
	if err != nil {
		return err
	}
	defer dir.Close()
	n, err := dir.SumBelow(file)
	if err != nil {
		return err
	}
	return dir.Write(file, cgroup.Bytes(n))
}
