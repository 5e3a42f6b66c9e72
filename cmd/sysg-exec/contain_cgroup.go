package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/cgroup"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// cgroups contains incarnations in leaves below base:
//
//	p-<project>/s-<service>/run-<incarnation>
//	p-<project>/s-<service>/aux-<incarnation>-<role>
//	p-<project>/s-<service>/child-<incarnation>
type cgroups struct {
	mount cgroup.Mount
	base  *cgroup.Dir
	// above is the directory that base was made in, nil for that of a unit,
	// which is not ours.
	above *cgroup.Dir
}

func projectDir(l spec.Launch) string { return "p-" + l.Project }
func serviceDir(l spec.Launch) string { return "s-" + l.Service }

func leafName(l spec.Launch) string {
	switch l.Role {
	case spec.RoleMain:
		return "run-" + l.Incarnation
	case spec.RoleChild:
		return "child-" + l.Incarnation
	}
	return "aux-" + l.Incarnation + "-" + string(l.Role)
}

func (c *cgroups) orphans() bool { return false }

// leave removes what is ours and empty, also the directories of services whose
// last exit nobody has acknowledged. What cannot be removed is not empty.
func (c *cgroups) leave() {
	_ = c.sweep(func(string) bool { return false })
	if c.above != nil {
		_ = c.above.Remove(path.Base(c.base.Path()))
	}
}

func (c *cgroups) make(l spec.Launch) (home, error) {
	project, err := c.base.Ensure(projectDir(l))
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
		project, err = c.ensureAnew(projectDir(l))
	}
	if err != nil {
		return nil, err
	}
	defer project.Close()
	service, err := project.Ensure(serviceDir(l))
	if err != nil {
		return nil, err
	}
	defer service.Close()
	leaf, err := service.Make(leafName(l))
	if err != nil {
		return nil, err
	}
	return c.newHome(l, leaf)
}

// ensureAnew is for a base that somebody has removed while it was empty.
func (c *cgroups) ensureAnew(name string) (*cgroup.Dir, error) {
	if c.above == nil {
		return nil, fmt.Errorf("cgroup %q is gone: its unit has been stopped", c.base.Path())
	}
	base, err := c.above.Ensure(path.Base(c.base.Path()))
	if err != nil {
		return nil, err
	}
	c.base.Close()
	c.base = base
	return base.Ensure(name)
}

func (c *cgroups) newHome(l spec.Launch, leaf *cgroup.Dir) (home, error) {
	number, err := leaf.ID()
	if err != nil {
		leaf.Close()
		return nil, err
	}
	return &cgroupHome{all: c, launch: l, leaf: leaf, number: number, eventsFD: -1}, nil
}

func (c *cgroups) find(s *saved) (home, error) {
	if s.Record.Cgroup == "" { // Made by a helper that had no cgroups.
		return (&sessions{}).find(s)
	}
	service, err := c.service(s.Record.Launch)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer service.Close()
	leaf, err := service.Child(leafName(s.Record.Launch))
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if number, err := leaf.ID(); err != nil || number != s.CgroupID {
		leaf.Close()
		return nil, fmt.Errorf("cgroup %q is not the one that was made", leaf.Path())
	}
	return c.newHome(s.Record.Launch, leaf)
}

// service opens the directory of a launch's service.
func (c *cgroups) service(l spec.Launch) (*cgroup.Dir, error) {
	project, err := c.base.Child(projectDir(l))
	if err != nil {
		return nil, err
	}
	defer project.Close()
	return project.Child(serviceDir(l))
}

// prune tries; what still has something in it stays.
func (c *cgroups) prune(l spec.Launch) {
	project, err := c.base.Child(projectDir(l))
	if err != nil {
		return
	}
	defer project.Close()
	if project.Remove(serviceDir(l)) == nil {
		_ = c.base.Remove(projectDir(l))
	}
}

// abandon has nothing to do: sweep finds the leaf.
func (c *cgroups) abandon(string) error { return nil }

// sweep removes the leaves that an earlier helper left and that are in none of
// our records. A record is written before anybody is told of a launch, so what
// lives there is nobody's, and will be launched again: it is ended.
func (c *cgroups) sweep(known func(path string) bool) error {
	return c.eachDir(c.base, "p-", func(project *cgroup.Dir, name string) error {
		err := c.eachDir(project, "s-", func(service *cgroup.Dir, name string) error {
			err := c.eachDir(service, "", func(leaf *cgroup.Dir, name string) error {
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
		_ = c.base.Remove(name)
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
func (c *cgroups) eachDir(dir *cgroup.Dir, prefix string, do func(child *cgroup.Dir, name string) error) error {
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

// cgroupHome is a leaf.
type cgroupHome struct {
	all    *cgroups
	launch spec.Launch
	leaf   *cgroup.Dir
	number uint64
	// eventsFD is open while survivors are waited for, else -1.
	eventsFD int
}

func (h *cgroupHome) cgroupFD() int                      { return h.leaf.FD() }
func (h *cgroupHome) path() string                       { return h.leaf.Path() }
func (h *cgroupHome) id() uint64                         { return h.number }
func (h *cgroupHome) started(int, int)                   {}
func (h *cgroupHome) kill() error                        { return h.leaf.Kill() }
func (h *cgroupHome) signal(signal syscall.Signal) error { return h.leaf.Signal(signal) }

func (h *cgroupHome) collect(pidfd int) (uint32, sys.Usage, bool, error) {
	return sys.WaitPidfd(pidfd)
}

// has asks for the leaf, or a cgroup that the service made below it.
func (h *cgroupHome) has(pid int) (bool, error) {
	at, found, err := h.all.of(pid)
	return found && below(at, h.leaf.Path()), err
}

// of is the cgroup that a process is in, as a path below the mount.
func (c *cgroups) of(pid int) (at string, found bool, err error) {
	full, err := cgroup.Of(pid)
	if err != nil {
		return "", false, err
	}
	at, found = c.mount.Below(full)
	return at, found, nil
}

func below(at, leaf string) bool {
	rest, found := strings.CutPrefix(at, leaf)
	return found && (rest == "" || rest[0] == '/')
}

func (c *cgroups) owner(pid int, all map[string]*incarnation) (*incarnation, error) {
	at, found, err := c.of(pid)
	if err != nil || !found {
		return nil, err
	}
	for _, inc := range all {
		if inc.home != nil && inc.home.path() != "" && below(at, inc.home.path()) {
			return inc, nil
		}
	}
	return nil, nil
}

func (h *cgroupHome) first() int {
	pids, err := h.leaf.Procs()
	if err != nil || len(pids) == 0 {
		return 0
	}
	return pids[0]
}

// survivors takes the kernel's word: a cgroup that can be removed is empty.
// Only an empty one is searched for sub-cgroups to remove, since survivors may
// still want theirs.
func (h *cgroupHome) survivors() ([]awaited, error) {
	service, err := h.all.service(h.launch)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
		return nil, nil // Somebody has removed all of it, so it was empty.
	}
	if err != nil {
		return nil, err
	}
	defer service.Close()
	name := leafName(h.launch)
	err = service.Remove(name)
	if err == nil {
		return nil, nil
	}
	if !errors.Is(err, unix.EBUSY) {
		return nil, err
	}
	if h.eventsFD < 0 {
		if h.eventsFD, err = h.leaf.OpenEvents(); err != nil {
			h.eventsFD = -1
			return nil, err
		}
	}
	// Reading arms the event: what happens from here on is not missed.
	events, err := cgroup.ReadEvents(h.eventsFD)
	if err != nil {
		return nil, err
	}
	if !events.Populated && service.RemoveTree(name) == nil {
		return nil, nil
	}
	return []awaited{{h.eventsFD, sys.Urgent}}, nil
}

func (h *cgroupHome) close() {
	if h.eventsFD >= 0 {
		_ = unix.Close(h.eventsFD)
		h.eventsFD = -1
	}
	h.leaf.Close()
}
