package main

import (
	"errors"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/confine"
	"systemg.org/sysg/pkg/sys"
)

// beInit is process 1 of a service's pid namespace, and forwards signals to the
// service, its child (pkg/confine, init.go). It returns the code to end with: the
// child's own, or as in a shell 128 and the number of the signal that ended it,
// since process 1 cannot end itself by a signal.
//
//	sysg-exec init CHILD FD    FD is closed when it is ready
func beInit(args []string) (code int, err error) {
	if len(args) != 2 || os.Getpid() != 1 {
		return 0, errors.New("not for people: it is process 1 of a namespace")
	}
	// Before the service is its program, which is as the same user.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return 0, os.NewSyscallError("prctl PR_SET_DUMPABLE", err)
	}
	sys.SetThreadName(confine.InitName)
	// To catch a signal takes a word with another goroutine, and for one that is bound
	// to a thread each of these is a switch of threads.
	runtime.UnlockOSThread()
	// Twice as many as there are signals: one that is pending comes but once.
	signals := make(chan os.Signal, 128)
	signal.Notify(signals)
	child, _ := strconv.Atoi(args[0])
	readyFD, _ := strconv.Atoi(args[1])
	if err := unix.Close(readyFD); err != nil {
		return 0, os.NewSyscallError("close", err)
	}
	// The child may have ended before anybody listened.
	for status, ended := reapAll(child); ; status, ended = reapAll(child) {
		if ended {
			return exitCode(status), nil
		}
		for got := range signals {
			if got == unix.SIGCHLD {
				break
			}
			_ = unix.Kill(child, got.(syscall.Signal)) // It may be another user's by now.
		}
	}
}

// reapAll takes every exit there is, orphans' too, and says whether the child's
// is among them.
func reapAll(child int) (ofChild unix.WaitStatus, ended bool) {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return ofChild, ended
		}
		if pid == child {
			ofChild, ended = status, true
		}
	}
}

func exitCode(status unix.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
