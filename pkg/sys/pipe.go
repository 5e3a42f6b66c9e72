package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// LogPipe makes the pipe for a service's output. The read end is non-blocking,
// for the reader; the write end blocks, as a program expects of its standard
// output. (The flag belongs to each end's open file description, so the one
// does not change the other.)
func LogPipe() (readFD, writeFD int, err error) {
	var ends [2]int
	if err := retry("pipe2", func() error { return unix.Pipe2(ends[:], unix.O_CLOEXEC) }); err != nil {
		return -1, -1, err
	}
	// A new pipe's read end has no other flag that could get lost.
	if _, err := unix.FcntlInt(uintptr(ends[0]), unix.F_SETFL, unix.O_NONBLOCK); err != nil {
		CloseAll(ends[:])
		return -1, -1, os.NewSyscallError("fcntl O_NONBLOCK", err)
	}
	return ends[0], ends[1], nil
}
