package sys

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Channel says whether fd is a socket, pipe or FIFO, which are asked by calls
// that only they have an answer to: nothing of this waits for a file system.
func Channel(fd int) error {
	if _, err := SocketType(fd); err == nil {
		return nil
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0); err != nil {
		return errors.New("it is neither a socket nor a FIFO")
	}
	return nil
}

// Keepable says whether fd may be held for somebody who is not trusted: sockets,
// pipes and memory (memfd_create(2)). Any other file may be one of a file system
// that somebody has made up, and whoever polls it, looks at it or closes it
// waits for that.
func Keepable(fd int) error {
	if Channel(fd) == nil {
		return nil
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0); err != nil {
		return errors.New("only sockets, pipes and memory files can be stored in the system's instance")
	}
	return nil
}
