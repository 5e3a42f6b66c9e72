package confine

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/sys"
)

// Some of what a process has to do it can do only between its fork and its first
// execve: to join a user namespace, while it has a single thread (setns(2)), or to
// fork once more without the time of another start of Go. What syscall.ForkExec does
// there it does not let anybody add to, so this is a fork of our own, with the three
// hooks into the runtime that syscall has; the runtime keeps them for others who
// fork so (gVisor).

//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()

//go:linkname afterForkInChild syscall.runtime_AfterForkInChild
func afterForkInChild()

// A fork is a process that is to be made, as the list of system calls that it takes
// until its execve. They are all made before: a child of a Go program is a copy with
// one thread, which may do nothing but raw system calls, and whose stack cannot grow.
type fork struct {
	clone cloneArgs
	calls []call
	// errorFD is where it says which call failed. That is close-on-exec.
	errorFD uintptr
	// lowest is the first number above all that the child gives to descriptors.
	lowest int
	copies []int
	memory runtime.Pinner
}

// call is a system call.
type call struct {
	does   string
	number uintptr
	args   [5]uintptr
	// result is what it returns if it succeeds.
	result uintptr
	// child is where in the list the child of a clone goes on, 0 for other calls.
	child int
}

// cloneArgs is struct clone_args (clone3(2), Linux 5.3; cgroup since 5.7).
type cloneArgs struct {
	flags, pidFD, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize, cgroup uint64
}

// failedCall is what a child says of a call that failed.
type failedCall struct {
	at    int32
	errno int32
}

func (f *fork) call(does string, number uintptr, args ...uintptr) *call {
	c := call{does: does, number: number}
	copy(c.args[:], args)
	f.calls = append(f.calls, c)
	return &f.calls[len(f.calls)-1]
}

// pointer is the address of what a call reads or writes. It stays until close.
func pointer[T any](f *fork, to *T) uintptr {
	f.memory.Pin(to)
	return uintptr(unsafe.Pointer(to))
}

// copied is a copy of a descriptor at a number that the child does not overwrite.
func (f *fork) copied(fd int) (uintptr, error) {
	fd, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, f.lowest)
	if err != nil {
		return 0, fmt.Errorf("cannot copy a descriptor: %w", err)
	}
	f.copies = append(f.copies, fd)
	return uintptr(fd), nil
}

// becomes gives a descriptor a number, and lets it outlive the execve.
func (f *fork) becomes(source, number uintptr) {
	f.call(fmt.Sprintf("make descriptor %d", number), unix.SYS_DUP3, source, number, 0).result = number
}

// exec is the last call of a process: it returns only if it failed.
func (f *fork) exec(path string, argv, env []string) error {
	file, err := syscall.BytePtrFromString(path)
	if err != nil {
		return err
	}
	var lists [2]uintptr
	for i, texts := range [...][]string{argv, env} {
		pointers, err := syscall.SlicePtrFromStrings(texts)
		if err != nil {
			return err
		}
		for _, text := range pointers {
			if text != nil {
				f.memory.Pin(text)
			}
		}
		lists[i] = pointer(f, &pointers[0])
	}
	f.call("execute "+path, unix.SYS_EXECVE, pointer(f, file), lists[0], lists[1])
	return nil
}

func (f *fork) close() {
	sys.CloseAll(f.copies)
	f.memory.Unpin()
}

// start makes the process and returns once it, and what it forks itself, is past
// its execve. When it is there meanwhile is called.
func (f *fork) start(place Place, meanwhile func(pid int) error) (Started, error) {
	errorR, errorW, err := sys.LogPipe()
	if err != nil {
		return Started{}, err
	}
	defer unix.Close(errorR)
	f.errorFD, err = f.copied(errorW)
	_ = unix.Close(errorW)
	if err != nil {
		return Started{}, err
	}
	started := Started{PidFD: -1, StatusFD: -1}
	var pidFD int32
	f.clone.flags |= unix.CLONE_PIDFD
	f.clone.pidFD, f.clone.exitSignal = uint64(pointer(f, &pidFD)), uint64(unix.SIGCHLD)
	if place.CgroupFD >= 0 {
		f.clone.flags |= unix.CLONE_INTO_CGROUP
		f.clone.cgroup = uint64(place.CgroupFD)
	}
	syscall.ForkLock.Lock()
	pid, errno := f.fork()
	syscall.ForkLock.Unlock()
	if errno != 0 {
		return Started{}, fmt.Errorf("clone3: %w", errno)
	}
	started.PID, started.PidFD = int(pid), int(pidFD)
	err = meanwhile(started.PID)
	_ = unix.Close(int(f.errorFD))
	f.copies = f.copies[:len(f.copies)-1]
	if err == nil {
		err = f.told(errorR)
	}
	if err != nil {
		reap(started)
		return Started{}, err
	}
	return started, nil
}

// told waits until no child has the error pipe any more, or for what one says there.
func (f *fork) told(errorR int) error {
	for {
		var failed [unsafe.Sizeof(failedCall{})]byte
		n, err := sys.Read(errorR, failed[:])
		switch {
		case errors.Is(err, sys.ErrWouldBlock):
			_, err = sys.Poll([]unix.PollFd{{Fd: int32(errorR), Events: unix.POLLIN}}, -1)
			if err != nil {
				return err
			}
		case err != nil:
			return err
		case n == 0:
			return nil
		default:
			failed := *(*failedCall)(unsafe.Pointer(&failed))
			return fmt.Errorf("cannot %s: %w", f.calls[failed.at].does, syscall.Errno(failed.errno))
		}
	}
}

// fork returns in the parent only.
//
//go:noinline
//go:norace
func (f *fork) fork() (pid uintptr, errno syscall.Errno) {
	beforeFork()
	pid, _, errno = syscall.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&f.clone)), unsafe.Sizeof(f.clone), 0)
	if errno != 0 || pid != 0 {
		afterFork()
		return pid, errno
	}
	afterForkInChild()
	failed := f.run()
	for {
		_, _, _ = syscall.RawSyscall(unix.SYS_WRITE, f.errorFD, uintptr(unsafe.Pointer(&failed)), unsafe.Sizeof(failed))
		_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 1, 0, 0)
	}
}

// run takes the calls, and returns when one failed.
//
//go:nosplit
//go:norace
func (f *fork) run() failedCall {
	for at := 0; ; at++ {
		c := &f.calls[at]
		result, _, errno := syscall.RawSyscall6(c.number, c.args[0], c.args[1], c.args[2], c.args[3], c.args[4], 0)
		switch {
		case errno == 0 && result == 0 && c.child != 0:
			at = c.child - 1
		case errno == 0 && result != c.result:
			errno = syscall.EPROTO
			fallthrough
		case errno != 0:
			return failedCall{int32(at), int32(errno)}
		}
	}
}
