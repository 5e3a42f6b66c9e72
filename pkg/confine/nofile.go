package confine

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Go raises the soft limit of descriptors when a program starts. What is made by
// syscall.ForkExec or syscall.Exec gets back what the program was started with, but
// nobody is told that number, as a fork of our own would have to be. A syscall.Exec
// that fails has put it in force, though. That cannot be undone, so it is a child
// that does so, once:
//
//	sysg-exec nofile    prints the soft limit
var nofileAtStart = sync.OnceValues(func() (limit unix.Rlimit, err error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return limit, os.NewSyscallError("pipe2", err)
	}
	answer := os.NewFile(uintptr(ends[0]), "nofile")
	defer answer.Close()
	pid, err := syscall.ForkExec("/proc/self/exe", []string{"sysg-exec", "nofile"}, &syscall.ProcAttr{Files: []uintptr{0, uintptr(ends[1]), 2}})
	_ = unix.Close(ends[1])
	if err != nil {
		return limit, fmt.Errorf("cannot ask for the limit of descriptors: %w", err)
	}
	text, _ := io.ReadAll(answer)
	_, _ = unix.Wait4(pid, nil, 0, nil)
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return limit, os.NewSyscallError("getrlimit", err)
	}
	if limit.Cur, err = strconv.ParseUint(string(text), 10, 64); err != nil {
		return limit, fmt.Errorf("cannot know the limit of descriptors that sysg-exec was started with: %w", err)
	}
	return limit, nil
})

// PrintNofile is all that "sysg-exec nofile" does.
func PrintNofile() error {
	_ = syscall.Exec("", []string{""}, nil)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return os.NewSyscallError("getrlimit", err)
	}
	_, err := fmt.Print(limit.Cur)
	return err
}
