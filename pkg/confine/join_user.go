package confine

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/sys"
)

// A user namespace can be joined by a process with a single thread only
// (setns(2)), which no Go program is but between a fork and its execve. What
// syscall.ForkExec does there it does not let anybody add to, so this is a fork
// of our own, with the three hooks into the runtime that syscall has; the runtime
// keeps them for others who fork so (gVisor).

//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()

//go:linkname afterForkInChild syscall.runtime_AfterForkInChild
func afterForkInChild()

// joining is what the child needs, made before the fork: it may not allocate.
type joining struct {
	clone   cloneArgs
	joinFD  uintptr
	errorFD uintptr
	// sources are the descriptors that become 0, 1, 2 …, all of them above those;
	// ^0 is none.
	sources      []uintptr
	uid, gid     uintptr
	groups       []uint32
	capabilities []uintptr
	// enter is what setns(2) takes, all is what it gives.
	enter, all [2]unix.CapUserData
	path       *byte
	argv, env  []*byte
}

// cloneArgs is struct clone_args (clone3(2), Linux 5.3; cgroup since 5.7).
type cloneArgs struct {
	flags, pidFD, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize, cgroup uint64
}

// cloneIntoUser is clone with all capabilities in the user namespace of
// place.JoinFD, and none outside.
func cloneIntoUser(id *generation.Identity, path string, argv, env []string, place Place, extra []int) (Started, error) {
	j := joining{
		joinFD: uintptr(place.JoinFD), capabilities: allCapabilities(),
		uid: uintptr(id.UID), gid: uintptr(id.GID), groups: id.Groups,
	}
	for _, number := range j.capabilities {
		set := &j.all[number/32]
		bit := uint32(1) << (number % 32)
		set.Effective, set.Permitted, set.Inheritable = set.Effective|bit, set.Permitted|bit, set.Inheritable|bit
	}
	// To trace, because setns by pidfd asks whether we may look at the process.
	const enter = 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_SYS_PTRACE
	j.enter[0] = unix.CapUserData{Effective: enter, Permitted: enter}
	var err error
	if j.path, err = syscall.BytePtrFromString(path); err != nil {
		return Started{}, err
	}
	if j.argv, err = syscall.SlicePtrFromStrings(argv); err != nil {
		return Started{}, err
	}
	if j.env, err = syscall.SlicePtrFromStrings(env); err != nil {
		return Started{}, err
	}
	defer func() { closeSources(j.sources) }()
	if err := j.arrange(append([]int{place.StdinFD, place.StdoutFD, place.StderrFD}, extra...)); err != nil {
		return Started{}, err
	}
	errorR, errorW, err := sys.LogPipe()
	if err != nil {
		return Started{}, err
	}
	defer unix.Close(errorR)
	high, err := unix.FcntlInt(uintptr(errorW), unix.F_DUPFD_CLOEXEC, len(j.sources))
	_ = unix.Close(errorW)
	if err != nil {
		return Started{}, os.NewSyscallError("fcntl F_DUPFD_CLOEXEC", err)
	}
	j.errorFD = uintptr(high)
	var pidFD int32 = -1
	j.clone = cloneArgs{flags: unix.CLONE_PIDFD, pidFD: uint64(uintptr(unsafe.Pointer(&pidFD))), exitSignal: uint64(unix.SIGCHLD)}
	if place.CgroupFD >= 0 {
		j.clone.flags |= unix.CLONE_INTO_CGROUP
		j.clone.cgroup = uint64(place.CgroupFD)
	}
	syscall.ForkLock.Lock()
	pid, errno := j.fork()
	syscall.ForkLock.Unlock()
	runtime.KeepAlive(&pidFD)
	_ = unix.Close(high)
	if errno != 0 {
		return Started{}, os.NewSyscallError("clone3", errno)
	}
	started := Started{PID: int(pid), PidFD: int(pidFD), StatusFD: -1}
	if err := j.told(errorR); err != nil {
		reap(started)
		return Started{}, err
	}
	return started, nil
}

// arrange copies the descriptors to numbers above all that they are to have.
func (j *joining) arrange(fds []int) error {
	for _, fd := range fds {
		if fd < 0 {
			j.sources = append(j.sources, ^uintptr(0))
			continue
		}
		source, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, len(fds))
		if err != nil {
			return os.NewSyscallError("fcntl F_DUPFD_CLOEXEC", err)
		}
		j.sources = append(j.sources, uintptr(source))
	}
	return nil
}

func closeSources(sources []uintptr) {
	for _, source := range sources {
		if source != ^uintptr(0) {
			_ = unix.Close(int(source))
		}
	}
}

// told waits for the child's execve, as the end of its pipe, or for the number of
// what failed before.
func (j *joining) told(errorR int) error {
	for {
		var errno [unsafe.Sizeof(syscall.Errno(0))]byte
		n, err := sys.Read(errorR, errno[:])
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
			return fmt.Errorf("cannot enter the service's user namespace: %w", *(*syscall.Errno)(unsafe.Pointer(&errno)))
		}
	}
}

// fork returns in the parent only. The child is a copy of this process with this
// one thread: it may do nothing but raw system calls, and its stack cannot grow.
//
//go:noinline
//go:norace
func (j *joining) fork() (pid uintptr, errno syscall.Errno) {
	beforeFork()
	pid, _, errno = syscall.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&j.clone)), unsafe.Sizeof(j.clone), 0)
	if errno != 0 || pid != 0 {
		afterFork()
		return pid, errno
	}
	afterForkInChild()
	errno = j.become()
	for {
		_, _, _ = syscall.RawSyscall(unix.SYS_WRITE, j.errorFD, uintptr(unsafe.Pointer(&errno)), unsafe.Sizeof(errno))
		_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 1, 0, 0)
	}
}

// become is the service's user first, as root's files are root's in every user
// namespace, and a service that may trace could reach into this process there.
// Then it enters the namespace, where the kernel gives it all capabilities, makes
// them ambient so that they outlive the execve (see unshare), and is the stage.
//
//go:nosplit
//go:norace
func (j *joining) become() syscall.Errno {
	for _, call := range [...][4]uintptr{
		{unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 1, 0},
		{unix.SYS_SETGROUPS, uintptr(len(j.groups)), uintptr(unsafe.Pointer(unsafe.SliceData(j.groups))), 0},
		{unix.SYS_SETRESGID, j.gid, j.gid, j.gid},
		{unix.SYS_SETRESUID, j.uid, j.uid, j.uid},
	} {
		if _, _, errno := syscall.RawSyscall(call[0], call[1], call[2], call[3]); errno != 0 {
			return errno
		}
	}
	if errno := j.capset(&j.enter); errno != 0 {
		return errno
	}
	if _, _, errno := syscall.RawSyscall(unix.SYS_SETNS, j.joinFD, unix.CLONE_NEWUSER, 0); errno != 0 {
		return errno
	}
	if errno := j.capset(&j.all); errno != 0 {
		return errno
	}
	for _, number := range j.capabilities {
		if _, _, errno := syscall.RawSyscall6(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, number, 0, 0, 0); errno != 0 {
			return errno
		}
	}
	for number, source := range j.sources {
		var errno syscall.Errno
		if source == ^uintptr(0) {
			_, _, _ = syscall.RawSyscall(unix.SYS_CLOSE, uintptr(number), 0, 0)
		} else if _, _, errno = syscall.RawSyscall(unix.SYS_DUP3, source, uintptr(number), 0); errno != 0 {
			return errno
		}
	}
	_, _, errno := syscall.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(j.path)), uintptr(unsafe.Pointer(&j.argv[0])), uintptr(unsafe.Pointer(&j.env[0])))
	return errno
}

// capset is capset(2), of this thread.
//
//go:nosplit
//go:norace
func (j *joining) capset(sets *[2]unix.CapUserData) syscall.Errno {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	_, _, errno := syscall.RawSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(sets)), 0)
	return errno
}
