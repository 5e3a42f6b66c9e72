package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"systemg.org/sysg/pkg/cgroup"
	"systemg.org/sysg/pkg/digest"
)

// chooseContainment takes cgroups where there is a place for them:
//
//	--services-unit NAME   the cgroup of that unit, beside our own. Nothing
//	                       else will do: it is what outlives us.
//	otherwise              a subtree of our own cgroup, if we may make one,
//	                       else sessions
func chooseContainment(o options) (containment, error) {
	if o.containment == "session" {
		return newSessions()
	}
	base, err := openBase(o)
	if err == nil {
		return base, nil
	}
	if o.containment == "cgroup" || o.unit != "" {
		return nil, fmt.Errorf("cannot contain services in cgroups: %w", err)
	}
	fmt.Fprintf(os.Stderr, "sysg-exec: services are kept together by their sessions, since there is no cgroup to put them in: %v\n", err)
	return newSessions()
}

func openBase(o options) (*cgroups, error) {
	mount, own, err := cgroup.OpenOwn()
	if err != nil {
		return nil, err
	}
	if o.unit != "" {
		defer own.Close()
		return openUnit(mount, path.Join(path.Dir(own.Path()), o.unit))
	}
	return openSubtree(mount, own, o.state)
}

// openUnit opens the cgroup of the services unit, which is known by its holder.
func openUnit(mount cgroup.Mount, below string) (*cgroups, error) {
	unit, err := cgroup.Open(mount, below)
	if err != nil {
		return nil, err
	}
	holder, err := unit.Child(holderLeaf)
	if err != nil {
		unit.Close()
		return nil, fmt.Errorf("no %q runs there: %w", "sysg-exec hold", err)
	}
	holder.Close()
	return &cgroups{mount: mount, base: unit}, nil
}

// openSubtree opens the subtree for this user and state directory: the one that
// an earlier helper made, whose own cgroup may have been another, or a new one
// in our own.
func openSubtree(mount cgroup.Mount, own *cgroup.Dir, state string) (*cgroups, error) {
	if err := own.CanMove(); err != nil {
		own.Close()
		return nil, err
	}
	hash := digest.Hex([]byte(state))
	c := &cgroups{
		mount: mount, own: own,
		name: fmt.Sprintf("sysg-%d-%s", os.Geteuid(), hash[:8]), note: filepath.Join(state, "home"),
	}
	if c.reopen() {
		return c, nil
	}
	if err := c.settle(); err != nil {
		own.Close()
		return nil, err
	}
	return c, nil
}

// settle makes the base in our own cgroup, and notes where it is.
func (c *cgroups) settle() error {
	base, err := c.own.Ensure(c.name)
	if err != nil {
		return err
	}
	above, err := cgroup.Open(c.mount, c.own.Path())
	if err == nil {
		err = os.WriteFile(c.note, []byte(base.Path()+"\n"), 0o600)
	}
	if err != nil {
		base.Close()
		return fmt.Errorf("cannot note the home of services: %w", err)
	}
	c.base, c.above = base, above
	return nil
}

// reopen opens the base that is noted, if it is ours still and we may clone into
// it: a login that begins the daemons anew has another cgroup than the one before
// it, and what runs may not be left behind there.
func (c *cgroups) reopen() bool {
	note, err := os.ReadFile(c.note)
	at := strings.TrimSpace(string(note))
	if err != nil || path.Base(at) != c.name {
		return false
	}
	base, err := cgroup.Open(c.mount, at)
	if err != nil {
		return false
	}
	above, err := cgroup.Open(c.mount, strings.TrimSuffix(strings.TrimSuffix(at, c.name), "/"))
	if err != nil {
		base.Close()
		return false
	}
	if !base.Mine() || !c.reaches(base) {
		base.Close()
		above.Close()
		return false
	}
	c.base, c.above = base, above
	return true
}

// reaches says whether what we clone may be born in a cgroup: that, and what it
// and our own are both below, has to be ours to write to.
func (c *cgroups) reaches(base *cgroup.Dir) bool {
	names, own := strings.Split(base.Path(), "/"), strings.Split(c.own.Path(), "/")
	shared := 0
	for shared < min(len(names), len(own)) && names[shared] == own[shared] {
		shared++
	}
	ancestor, err := cgroup.Open(c.mount, strings.Join(names[:shared], "/"))
	if err != nil {
		return false
	}
	defer ancestor.Close()
	return base.CanMove() == nil && ancestor.CanMove() == nil
}
