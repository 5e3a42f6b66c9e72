package confine

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// stage starts this program as "sysg-exec launch". It has no environment; the
// service's comes with the Launch, in memory that nobody can change. Only where
// there is no cgroup to find it by does it bear the mark of its incarnation.
func stage(l Launch, place Place) (Started, error) {
	launchR, err := sys.SealedMemfd("sysg-launch", encode(&l))
	if err != nil {
		return Started{}, Fail(spec.StageClone, err)
	}
	defer unix.Close(launchR)
	statusR, statusW, err := sys.LogPipe()
	if err != nil {
		return Started{}, Fail(spec.StageClone, err)
	}
	defer unix.Close(statusW)
	var env []string
	if place.CgroupFD < 0 {
		env = markOf(l.Env)
	}
	extra := l.extra(place)
	argv := []string{"sysg-exec", "launch", strconv.Itoa(firstFD + len(extra))}
	started, err := l.cloneStage(argv, env, place, append(extra, launchR, statusW))
	if err != nil {
		_ = unix.Close(statusR)
		return Started{}, Fail(spec.StageClone, fmt.Errorf("cannot make the process%s: %w", cloneText(l.Confinement), err))
	}
	started.StatusFD = statusR
	return started, nil
}

// cloneStage makes the process in its namespaces. The root of a cgroup namespace is
// the cgroup of who asks for it, which in a clone is still the parent: that one the
// child makes itself.
func (l *Launch) cloneStage(argv, env []string, place Place, extra []int) (Started, error) {
	const self = "/proc/self/exe"
	var attributes syscall.SysProcAttr // It makes its session itself, as a step.
	switch c := l.Confinement; {
	case l.Joined:
		extra = append(extra, place.JoinFD)
		if c.PID {
			back, err := enterPID(place.JoinFD)
			if err != nil {
				return Started{}, err
			}
			defer back()
		}
		if c.User {
			return l.fork(self, argv, env, place, extra)
		}
	case c != nil && (c.User || hasInit(c)):
		return l.fork(self, argv, env, place, extra)
	case c != nil:
		attributes.Cloneflags = namespaceFlags(c) &^ unix.CLONE_NEWCGROUP
	}
	return clone(self, argv, env, "/", place, &attributes, extra)
}

// markOf takes from a service's environment what tells its incarnation.
func markOf(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(assignment string) bool { return !strings.HasPrefix(assignment, invocation) })
}

// fork makes the stage by a fork of our own: for a user namespace, in which it has to
// be given what it may be and have before it does anything; and for a process 1 above it.
func (l *Launch) fork(path string, argv, env []string, place Place, extra []int) (Started, error) {
	c := l.Confinement
	ready, goes := [2]int{-1, -1}, [2]int{-1, -1}
	defer func() {
		sys.CloseAll(slices.DeleteFunc(slices.Concat(ready[:], goes[:]), func(fd int) bool { return fd < 0 }))
	}()
	if l.underInit() {
		if err := unix.Pipe2(ready[:], unix.O_CLOEXEC); err != nil {
			return Started{}, os.NewSyscallError("pipe2", err)
		}
		extra = append(extra, ready[0])
	}
	f := &fork{lowest: max(firstFD+len(extra), initReadyFD+1)}
	defer f.close()
	meanwhile := func(int) error { return nil }
	var err error
	if c.User {
		if err = unix.Pipe2(goes[:], unix.O_CLOEXEC); err == nil {
			err = f.await(goes)
		}
		meanwhile = func(pid int) error { return l.admit(pid, goes[1]) }
	}
	if err == nil && l.Joined {
		err = f.joinUser(&c.Identity, place.JoinFD)
	} else {
		f.clone.flags = uint64(namespaceFlags(c) &^ unix.CLONE_NEWCGROUP)
	}
	if err == nil && l.underInit() {
		err = f.under(l, ready[1])
	}
	if err == nil {
		err = f.becomeStage(l, path, argv, env, append([]int{place.StdinFD, place.StdoutFD, place.StderrFD}, extra...))
	}
	if err != nil {
		return Started{}, err
	}
	started, err := f.start(place, meanwhile)
	if err == nil && l.underInit() {
		if err = isInit(started, &c.Identity); err != nil {
			reap(started)
		}
	}
	return started, err
}

// await has the process wait until it is admitted. It must not itself hold what it
// waits for, or it would wait for ever once sysg-exec is gone.
func (f *fork) await(goes [2]int) error {
	source, err := f.copied(goes[0])
	if err != nil {
		return err
	}
	f.call("close a pipe", unix.SYS_CLOSE, uintptr(goes[1]))
	f.call("wait for sysg-exec", unix.SYS_READ, source, pointer(f, new(byte)), 1).result = 1
	return nil
}

// admit maps the ids of a new user namespace and takes the steps of limits, for which
// nobody in it has the privilege, and lets the process go on.
func (l *Launch) admit(pid, goW int) error {
	if !l.Joined {
		if err := mapIDs(pid, &l.Confinement.Identity); err != nil {
			return err
		}
	}
	if err := l.limit(pid); err != nil {
		return err
	}
	// EPIPE: it is dead, which its pipes tell.
	if _, err := unix.Write(goW, []byte{mark}); err != nil && err != unix.EPIPE {
		return Fail(spec.StageClone, fmt.Errorf("cannot let the process go on: %w", err))
	}
	return nil
}

// under has the process fork the stage and be process 1 above it.
func (f *fork) under(l *Launch, readyW int) error {
	if l.Confinement.Cgroup {
		f.call("make a cgroup namespace", unix.SYS_UNSHARE, unix.CLONE_NEWCGROUP)
	}
	f.call("make a session", unix.SYS_SETSID).result = 1
	args := &cloneArgs{exitSignal: uint64(unix.SIGCHLD)}
	at := len(f.calls)
	f.call("fork the stage", unix.SYS_CLONE3, pointer(f, args), unsafe.Sizeof(*args)).result = servicePID
	err := f.becomeInit(l, readyW)
	f.calls[at].child = len(f.calls)
	return err
}

// becomeStage is the execve of the stage, with its descriptors from 0 on. Their limit
// comes last, since a service may have one beyond it.
func (f *fork) becomeStage(l *Launch, path string, argv, env []string, fds []int) error {
	if l.Confinement.User {
		f.keepAll()
	}
	for number, fd := range fds {
		if fd < 0 {
			continue // What we have there is close-on-exec.
		}
		source, err := f.copied(fd)
		if err != nil {
			return err
		}
		f.becomes(source, uintptr(number))
	}
	limit, err := nofileAtStart()
	if err != nil {
		return err
	}
	if asked := slices.IndexFunc(l.Rlimits, func(r generation.Rlimit) bool { return r.Name == "nofile" }); l.Confinement.User && asked >= 0 {
		limit.Max = max(limit.Max, l.Rlimits[asked].Hard) // Nobody could raise it again; see admit.
	}
	f.call("put the limit of descriptors back", unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, pointer(f, &limit), 0)
	return f.exec(path, argv, env)
}
