package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// Detach takes the descriptor out of file, which is closed, and leaves it
// non-blocking. The Go runtime's own poller no longer watches it, so whoever
// puts it into an Epoll is not woken twice. (File.Fd would make it blocking,
// for every process that shares the pipe.)
func Detach(file *os.File) (int, error) {
	defer file.Close()
	raw, err := file.SyscallConn()
	if err != nil {
		return -1, err
	}
	copyFD := -1
	var dupErr error
	err = raw.Control(func(fd uintptr) {
		copyFD, dupErr = retryValue("fcntl F_DUPFD_CLOEXEC", func() (int, error) {
			return unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
		})
	})
	if err != nil {
		return -1, err
	}
	if dupErr != nil {
		return -1, dupErr
	}
	if err := unix.SetNonblock(copyFD, true); err != nil {
		CloseAll([]int{copyFD})
		return -1, os.NewSyscallError("fcntl O_NONBLOCK", err)
	}
	return copyFD, nil
}

// Read reads once from a bare descriptor; 0 bytes is the end of a pipe, and
// ErrWouldBlock says that nothing is there now.
func Read(fd int, buf []byte) (int, error) {
	return retryValue("read", func() (int, error) { return unix.Read(fd, buf) })
}
