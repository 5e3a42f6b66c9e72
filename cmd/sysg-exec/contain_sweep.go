package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/cgroup"
	"systemg.org/sysg/pkg/sys"
)

// sweep removes the leaves that an earlier helper left and that are in none of
// our records. A record is written before anybody is told of a launch, so what
// lives there is nobody's, and will be launched again: it is ended.
func (c *cgroups) sweep(known func(path string) bool) error {
	return sweepRoot(c.base, known, maxRootDepth)
}

// sweepRoot does it for the base, or for what a service has in its place.
func sweepRoot(root *cgroup.Dir, known func(path string) bool, depth int) error {
	return eachDir(root, "", func(dir *cgroup.Dir, name string) error {
		switch {
		case strings.HasPrefix(name, projectPrefix):
			err := sweepProject(dir, known)
			_ = root.Remove(name)
			return err
		case name == holderLeaf || depth == 0:
			return nil
		}
		return sweepRoot(dir, known, depth-1)
	})
}

func sweepProject(project *cgroup.Dir, known func(path string) bool) error {
	return eachDir(project, "s-", func(service *cgroup.Dir, name string) error {
		err := eachDir(service, "", func(leaf *cgroup.Dir, name string) error {
			if known(leaf.Path()) {
				return nil
			}
			if err := end(leaf); err != nil {
				fmt.Fprintf(os.Stderr, "sysg-exec: leaving cgroup %q alone, which is in no record: %v\n", leaf.Path(), err)
				return nil
			}
			return service.RemoveTree(name)
		})
		_ = project.Remove(name)
		return err
	})
}

// endPatience is how long an abandoned process may take to die of SIGKILL.
const endPatience = 5 * time.Second

// end kills what is in an abandoned leaf and waits for its end.
func end(leaf *cgroup.Dir) error {
	eventsFD, err := leaf.OpenEvents()
	if err != nil {
		return err
	}
	defer unix.Close(eventsFD)
	for deadline := time.Now().Add(endPatience); ; {
		events, err := cgroup.ReadEvents(eventsFD)
		if err != nil || !events.Populated {
			return err
		}
		left := time.Until(deadline)
		if left <= 0 {
			return errors.New("it does not die")
		}
		if err := leaf.Kill(); err != nil {
			return err
		}
		_, _ = sys.Poll([]unix.PollFd{{Fd: int32(eventsFD), Events: unix.POLLPRI}}, int(left.Milliseconds())+1)
	}
}

// eachDir calls do for each directory in dir whose name begins with prefix.
func eachDir(dir *cgroup.Dir, prefix string, do func(child *cgroup.Dir, name string) error) error {
	names, err := dir.Children()
	if err != nil {
		return err
	}
	for _, name := range names {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		child, err := dir.Child(name)
		if err != nil {
			return err
		}
		err = do(child, name)
		child.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
