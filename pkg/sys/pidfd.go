package sys

import (
	"errors"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Usage is what a process and the children it waited for used (getrusage(2)).
type Usage struct {
	User   time.Duration
	System time.Duration
	// MaxRSS is in bytes.
	MaxRSS int64
}

// PidfdOpen opens a pidfd for a process (Linux 5.3). The number pid must be
// known to mean that process still, as it does for a child not yet reaped, or
// be asked afterwards. Where no process has it, the error is ESRCH.
//
// The kernel says that in three ways (pidfd_prepare in kernel/fork.c): ESRCH if
// nothing has the number, ENOENT if a thread that leads no process has taken it
// over (Linux 6.15), and before that EINVAL for such a thread, and for a process
// that is being reaped or whose number only its group or session still bears.
// Else EINVAL means flags that the kernel does not know, and we pass none.
func PidfdOpen(pid int) (int, error) {
	pidfd, err := retryValue("pidfd_open", func() (int, error) { return unix.PidfdOpen(pid, 0) })
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINVAL) {
		return -1, os.NewSyscallError("pidfd_open", unix.ESRCH)
	}
	return pidfd, err
}

// PidfdSignal sends a signal (Linux 5.1). A process that has been reaped is
// ESRCH; one that has ended and not been reaped is nil, as with kill(2).
func PidfdSignal(pidfd int, signal syscall.Signal) error {
	return retry("pidfd_send_signal", func() error { return unix.PidfdSendSignal(pidfd, signal, nil, 0) })
}

// WaitPidfd reaps a child that has ended (Linux 5.4): its raw wait status as
// of wait(2) and what it used. exited is false for one that runs. It never
// waits. The pidfd stays open.
func WaitPidfd(pidfd int) (status uint32, usage Usage, exited bool, err error) {
	return wait(unix.P_PIDFD, pidfd, 0)
}

// Reap is WaitPidfd by number, for a child without a pidfd.
func Reap(pid int) (status uint32, usage Usage, exited bool, err error) {
	return wait(unix.P_PID, pid, 0)
}

// Zombie names a child that has ended, without reaping it, or 0 if there is
// none. A subreaper gets children it never heard of; this finds them without
// taking away the exit of one that it did start.
func Zombie() (pid int, err error) {
	var result exitInfo
	err = waitid(unix.P_ALL, 0, &result, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	if err == unix.ECHILD {
		return 0, nil
	}
	return int(result.pid), os.NewSyscallError("waitid", err)
}

// SetSubreaper makes this process the parent of its descendants' orphans, so
// that a service that forks twice does not leave its session's sight.
func SetSubreaper() error {
	return retry("prctl PR_SET_CHILD_SUBREAPER", func() error {
		return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	})
}

// exitInfo is the part of siginfo_t that SIGCHLD fills in; x/sys leaves the
// union opaque. The union begins at the alignment of a pointer; the tail makes
// this at least as large as the 128 bytes that the kernel may write.
type exitInfo struct {
	signo, errno, code int32
	_                  [0]uintptr
	pid                int32
	uid                uint32
	status             int32
	_                  [104]byte
}

func wait(kind, id, extra int) (status uint32, usage Usage, exited bool, err error) {
	var result exitInfo
	var used unix.Rusage
	if err := waitid(kind, id, &result, unix.WEXITED|unix.WNOHANG|extra, &used); err != nil {
		return 0, Usage{}, false, os.NewSyscallError("waitid", err)
	}
	if result.pid == 0 {
		return 0, Usage{}, false, nil
	}
	usage = Usage{
		User:   time.Duration(used.Utime.Nano()),
		System: time.Duration(used.Stime.Nano()),
		MaxRSS: int64(used.Maxrss) << 10, // Linux counts in KiB.
	}
	return result.raw(), usage, true, nil
}

func waitid(kind, id int, result *exitInfo, options int, used *unix.Rusage) error {
	for {
		err := unix.Waitid(kind, id, (*unix.Siginfo)(unsafe.Pointer(result)), options, used)
		if err != unix.EINTR {
			return err
		}
	}
}

// raw turns the parts that waitid(2) reports into the status of wait(2).
func (e *exitInfo) raw() uint32 {
	const (
		cldExited = 1
		cldDumped = 3
		dumpedBit = 0x80
	)
	switch e.code {
	case cldExited:
		return uint32(e.status&0xff) << 8
	case cldDumped:
		return uint32(e.status) | dumpedBit
	default:
		return uint32(e.status)
	}
}
