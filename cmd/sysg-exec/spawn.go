package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/grant"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// spawn.sock is for processes inside services: they ask for children of their
// own (package spec). Who asks is known from the kernel, by the process that
// connected and the cgroup, or session, that it is in.

// runtimeDir is the folder that our listener is in.
func runtimeDir(o options, listener int) string {
	name, err := unix.Getsockname(listener)
	if at, ok := name.(*unix.SockaddrUnix); err == nil && ok && filepath.IsAbs(at.Name) {
		return filepath.Dir(at.Name)
	}
	return filepath.Join(o.state, "run")
}

// openSpawn makes spawn.sock. Without it services run, and have no children.
func (h *helper) openSpawn() {
	path := filepath.Join(h.runtime, "spawn.sock")
	if err := h.listenSpawn(path); err != nil {
		fmt.Fprintf(os.Stderr, "sysg-exec: services can have no children of their own: %v\n", err)
		return
	}
	h.spawnPath = path
}

func (h *helper) listenSpawn(path string) error {
	if !h.options.system {
		if err := os.MkdirAll(h.runtime, 0o700); err != nil {
			return err
		}
	}
	fd, err := sys.ListenPacket(path)
	if errors.Is(err, unix.EADDRINUSE) {
		// Of an earlier helper with our state, or of another one that lives.
		if old, dialErr := sys.DialPacket(path); dialErr == nil {
			sys.CloseAll([]int{old})
			return err
		}
		_ = os.Remove(path)
		fd, err = sys.ListenPacket(path)
	}
	if err == nil && h.options.system {
		// A service may be anybody's. Its folder is root's, so the path means
		// what has just been made.
		err = os.Chmod(path, 0o666)
	}
	if err != nil {
		return err
	}
	key, err := h.watch(fd, sys.Readable, func(uint32) { h.acceptAskers(fd) })
	if err == nil {
		h.listeners = append(h.listeners, key)
	}
	return err
}

func (h *helper) closeSpawn() {
	if h.spawnPath != "" {
		_ = os.Remove(h.spawnPath)
	}
}

// spawn launches a child, or says why not.
func (h *helper) spawn(a *asker, ask spec.Spawn) {
	parent, err := h.parentOf(a, &ask)
	if err != nil {
		a.refuse(h, "", err.Error())
		return
	}
	owner, now := ownerOf(&parent.record.Launch), time.Now()
	request := grant.Child{Parent: parent.record, Ask: ask, By: a.uid, Siblings: h.children(owner), Recent: h.births[owner], Now: now}
	granted, err := h.grants.Spawn(request, h.store)
	if err == nil {
		err = h.roomLeft()
	}
	if err == nil {
		err = h.argumentsFit(ask.Argv)
	}
	if err != nil {
		var limit *grant.Limit
		if errors.As(err, &limit) {
			a.refuse(h, limit.Name, limit.Detail)
			return
		}
		a.refuse(h, "", err.Error())
		return
	}
	launch := parent.record.Launch
	launch.Role, launch.Slot, launch.Event = spec.RoleChild, nil, nil
	launch.Beside = parent.record.Launch.Incarnation
	if launch.Incarnation, err = sys.RandomID(); err != nil {
		a.refuse(h, "", err.Error())
		return
	}
	h.births[owner] = append(recent(h.births[owner], now), now)
	inc := makeIncarnation(spec.Record{Launch: launch, Child: &spec.Child{
		Parent: parent.record.Launch.Incarnation, Name: ask.Name, Argv: ask.Argv, Depth: request.Depth(), TTL: ask.TTL,
	}}, granted)
	inc.asked, inc.asker = ask, a
	a.waits = true
	h.begin(inc)
}

// maxArguments bounds the arguments of all children that are on record, in bytes:
// one may have 60 KiB, and stays on record until sysgd has heard of its end.
const maxArguments = 4 << 20

func (h *helper) argumentsFit(argv []string) error {
	size := 0
	count := func(argv []string) {
		for _, arg := range argv {
			size += len(arg)
		}
	}
	count(argv)
	for _, inc := range h.incarnations {
		if inc.record.Child != nil {
			count(inc.record.Child.Argv)
		}
	}
	if size > maxArguments {
		return fmt.Errorf("the children there are have %d bytes of arguments, and %d is the most", size, maxArguments)
	}
	return nil
}

// recent are those of the last second.
func recent(births []time.Time, now time.Time) []time.Time {
	for len(births) > 0 && now.Sub(births[0]) >= time.Second {
		births = births[1:]
	}
	return births
}

// children are those of a service that live, or will.
func (h *helper) children(o owner) (all []spec.Record) {
	for _, inc := range h.incarnations {
		if inc.record.Child != nil && ownerOf(&inc.record.Launch) == o && inc.record.Exited == nil && inc.state != failing {
			all = append(all, inc.record)
		}
	}
	return all
}

// parentOf finds the incarnation that a child is for: that of the process which
// was named, else of the one that asks. One that is inside a service may speak
// for that service alone.
//
// In the system's instance only what is inside may ask, and it takes a pidfd to
// prove that it is: a number may come round.
func (h *helper) parentOf(a *asker, ask *spec.Spawn) (*incarnation, error) {
	if h.options.system && a.pidfd < 0 {
		return nil, errors.New("children of services of the system's instance need Linux 6.5: this kernel cannot prove who asks (SO_PEERPIDFD)")
	}
	own, err := h.owner(a.pid, a.pidfd)
	if err != nil {
		return nil, err
	}
	if h.options.system && own == nil && a.uid != 0 {
		return nil, errors.New("only a process inside a service may ask for a child of that service")
	}
	if ask.ParentPID == 0 {
		ask.ParentPID = a.pid
	}
	parent := own
	if ask.ParentPID != a.pid {
		if parent, err = h.ownerOfPID(ask.ParentPID); err != nil {
			return nil, err
		}
	}
	switch {
	case parent == nil:
		return nil, fmt.Errorf("process %d is not inside a service", ask.ParentPID)
	case own != nil && ownerOf(&own.record.Launch) != ownerOf(&parent.record.Launch):
		return nil, fmt.Errorf("process %d is inside another service than the one that asks", ask.ParentPID)
	case parent.state != running || parent.record.Exited != nil:
		return nil, fmt.Errorf("process %d is of a run that has ended", ask.ParentPID)
	}
	return parent, nil
}

// ownerOfPID is owner by number.
func (h *helper) ownerOfPID(pid int) (*incarnation, error) {
	pidfd, err := sys.PidfdOpen(pid)
	if err != nil {
		return nil, fmt.Errorf("there is no process %d: %w", pid, err)
	}
	defer unix.Close(pidfd)
	return h.owner(pid, pidfd)
}

// owner finds the incarnation that a process is in. That it lives afterwards
// proves that the number meant it.
func (h *helper) owner(pid, pidfd int) (*incarnation, error) {
	inc, err := h.contain.owner(pid, h.incarnations)
	if err == nil && pidfd >= 0 {
		err = sys.PidfdSignal(pidfd, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot tell which service process %d is in: %w", pid, err)
	}
	return inc, nil
}

// spawned tells of a child that runs: the one who asked, and sysgd.
func (h *helper) spawned(inc *incarnation) {
	inc.asker.answer(h, spec.SpawnReply{PID: inc.record.PID, Incarnation: inc.record.Launch.Incarnation})
	inc.asker = nil
	if h.receiver != nil {
		h.send(h.receiver, spec.Reply{Spawned: &spec.Spawned{Record: inc.record}}, frame{of: inc, pidfd: true})
	}
}
