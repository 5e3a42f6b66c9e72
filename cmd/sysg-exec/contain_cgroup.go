package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/cgroup"
	"systemg.org/sysg/pkg/confine"
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
	// own is our own cgroup, in which a base with this name is made, and noted in
	// a file. They are not set for that of a unit.
	own        *cgroup.Dir
	name, note string
}

// projectPrefix keeps names of projects apart from what else is in the base.
const projectPrefix = "p-"

func projectDir(l spec.Launch) string { return projectPrefix + l.Project }
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
		if c.above.Remove(c.name) == nil {
			_ = os.Remove(c.note)
		}
	}
}

func (c *cgroups) make(l spec.Launch, limits limits) (home, error) {
	names, err := c.rootNames(limits.root)
	if err != nil {
		return nil, err
	}
	service, err := c.descend(append(names, projectDir(l), serviceDir(l)), limits.writes)
	if err != nil {
		return nil, err
	}
	defer service.Close()
	if err := weigh(service, limits.writes); err != nil {
		return nil, err
	}
	if err := c.protect(service, limits.writes); err != nil {
		c.prune(path.Join(service.Path(), leafName(l)))
		return nil, err
	}
	leaf, err := service.Make(leafName(l))
	if err != nil {
		return nil, err
	}
	if err := leaf.Limit(limits.writes); err != nil {
		leaf.Close()
		_ = service.Remove(leafName(l))
		c.prune(path.Join(service.Path(), leafName(l)))
		return nil, err
	}
	return c.newHome(leaf)
}

// ensureAnew is for a base that somebody has removed while it was empty, as
// systemd does with that of a login which is over.
func (c *cgroups) ensureAnew(name string) (*cgroup.Dir, error) {
	if c.above == nil {
		return nil, fmt.Errorf("cgroup %q is gone: its unit has been stopped", c.base.Path())
	}
	base, above := c.base, c.above
	if err := c.settle(); err != nil {
		return nil, err
	}
	base.Close()
	above.Close()
	return c.base.Ensure(name)
}

func (c *cgroups) newHome(leaf *cgroup.Dir) (home, error) {
	number, err := leaf.ID()
	if err != nil {
		leaf.Close()
		return nil, err
	}
	return &cgroupHome{all: c, leaf: leaf, number: number, eventsFD: -1}, nil
}

func (c *cgroups) find(s *saved) (home, error) {
	if s.Record.Cgroup == "" { // Made by a helper that had no cgroups.
		return (&sessions{}).find(s)
	}
	at, launch := s.Record.Cgroup, s.Record.Launch
	if !strings.HasSuffix(at, path.Join("/", projectDir(launch), serviceDir(launch), leafName(launch))) {
		return nil, fmt.Errorf("cgroup %q is not one of %s's", at, launch.Service)
	}
	leaf, err := c.open(at)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if number, err := leaf.ID(); err != nil || number != s.CgroupID {
		leaf.Close()
		return nil, fmt.Errorf("cgroup %q is not the one that was made", at)
	}
	return c.newHome(leaf)
}

// open opens a directory of ours by its path below the mount.
func (c *cgroups) open(at string) (*cgroup.Dir, error) {
	names, found := strings.CutPrefix(at, c.base.Path()+"/")
	if !found {
		return nil, fmt.Errorf("cgroup %q is not ours: %w", at, unix.ENOENT)
	}
	dir := c.base
	for name := range strings.SplitSeq(names, "/") {
		below, err := dir.Child(name)
		if dir != c.base {
			dir.Close()
		}
		if err != nil {
			return nil, err
		}
		dir = below
	}
	return dir, nil
}

// prune tries; what still has something in it stays.
func (c *cgroups) prune(leaf string) {
	if leaf == "" {
		return
	}
	service := path.Dir(leaf)
	project := path.Dir(service)
	for _, at := range []string{service, project} {
		if c.remove(at) != nil {
			return
		}
	}
}

// remove removes an empty directory of ours by its path below the mount.
func (c *cgroups) remove(at string) error {
	above := c.base
	if dir := path.Dir(at); dir != c.base.Path() {
		var err error
		if above, err = c.open(dir); err != nil {
			return err
		}
		defer above.Close()
	}
	return above.Remove(path.Base(at))
}

// abandon has nothing to do: sweep finds the leaf.
func (c *cgroups) abandon(string) error { return nil }

// cgroupHome is a leaf.
type cgroupHome struct {
	all    *cgroups
	leaf   *cgroup.Dir
	number uint64
	// eventsFD is open while survivors are waited for, else -1.
	eventsFD int
}

func (h *cgroupHome) cgroupFD() int    { return h.leaf.FD() }
func (h *cgroupHome) path() string     { return h.leaf.Path() }
func (h *cgroupHome) id() uint64       { return h.number }
func (h *cgroupHome) started(int, int) {}
func (h *cgroupHome) kill() error      { return h.leaf.Kill() }

// signal spares init, which would forward it to a process that has it already.
func (h *cgroupHome) signal(signal syscall.Signal) error {
	return h.leaf.SignalBut(signal, confine.IsInit)
}

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
	service, err := h.all.open(path.Dir(h.leaf.Path()))
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
		return nil, nil // Somebody has removed all of it, so it was empty.
	}
	if err != nil {
		return nil, err
	}
	defer service.Close()
	name := path.Base(h.leaf.Path())
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
