package confine

import (
	"fmt"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/sys"
)

// Process 1 of a pid namespace is one that the kernel shields from every signal
// that it has no handler for, and that inherits all orphans: few programs are
// made for that (pid_namespaces(7)). So "sysg-exec init" is it, with the service
// as its child:
//
//	a fork of sysg-exec     cloned with the namespaces; forks the stage, gives
//	│                       up all privileges and becomes
//	├ sysg-exec init        which forwards signals, reaps, and ends like its child
//	└ sysg-exec launch → the service
//
// Both begin at once, since a start of Go takes a millisecond.
//
// init is the service's user with no capability at all and no new privileges. It
// has no seccomp filter and no Landlock rules, so the service, whose user it is,
// must not become it: it is not dumpable (prctl(2)), which forbids that, and the
// stage waits with its execve until that is so.

// The service is the second process of its namespace (the kernel counts from 1), and
// what init closes when it is ready is its first descriptor beside the standard ones.
const (
	servicePID  = 2
	initReadyFD = firstFD
)

// underInit says whether "sysg-exec init" is process 1 above what is launched.
func (l *Launch) underInit() bool {
	return l.Confinement != nil && hasInit(l.Confinement) && !l.Joined
}

// becomeInit is what process 1 does after the fork of the stage: it keeps nothing of
// what it has, and has what init needs. An end of file is to mean the service's end, so
// it holds no descriptor of the service's.
func (f *fork) becomeInit(l *Launch, readyW int) error {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot open /dev/null: %w", err)
	}
	defer unix.Close(null)
	nothing, err := f.copied(null)
	if err != nil {
		return err
	}
	ready, err := f.copied(readyW)
	if err != nil {
		return err
	}
	for fd := range uintptr(firstFD) {
		f.becomes(nothing, fd)
	}
	f.becomes(ready, initReadyFD)
	f.call("close all others at the execve", unix.SYS_CLOSE_RANGE, initReadyFD+1, uintptr(^uint32(0)), unix.CLOSE_RANGE_CLOEXEC)
	f.dropAll(&l.Confinement.Identity)
	every := ^uint64(0) // One bit for each of 64 signals.
	f.call("block the signals, until init catches them", unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, pointer(f, &every), 0, unsafe.Sizeof(every))
	return f.exec("/proc/self/exe", []string{"sysg-exec", "init", strconv.Itoa(servicePID), strconv.Itoa(initReadyFD)}, initEnv)
}

// initEnv keeps Go's runtime from holding files of the cgroup open, in which it
// looks how many CPUs there are for it, and from sending itself SIGURG, which
// it would take for the service's.
var initEnv = []string{"GODEBUG=containermaxprocs=0,asyncpreemptoff=1"}

// isInit looks whether process 1 is what it was to be. One that was killed on its way
// is still what it was before.
func isInit(started Started, id *generation.Identity) error {
	if stat, err := execed(started, false); err == nil && !stat.Execed() {
		return killedBefore()
	}
	return verify(started.PID, id)
}

// awaitInit waits, in the stage, until init is what it will be.
func awaitInit(readyR int) error {
	if _, err := sys.Poll([]unix.PollFd{{Fd: int32(readyR), Events: unix.POLLIN}}, -1); err != nil {
		return fmt.Errorf("cannot wait for init: %w", err)
	}
	return nil
}

// InitName is the name of "sysg-exec init" in /proc/PID/comm.
const InitName = "sysg-init"

// IsInit says whether a process calls itself so. One that is none only misses
// the signals of its service's group by it.
func IsInit(pid int) bool {
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return err == nil && string(comm) == InitName+"\n"
}
