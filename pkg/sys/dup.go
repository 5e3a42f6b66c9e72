package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// DupFile is another descriptor for what file has open. Nobody inherits it.
func DupFile(file *os.File) (*os.File, error) {
	copied, err := DupFD(file)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(copied), file.Name()), nil
}

// DupFD is DupFile as a bare descriptor, for the caller to close.
func DupFD(file *os.File) (int, error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return -1, err
	}
	var copied int
	var copyErr error
	err = raw.Control(func(fd uintptr) { copied, copyErr = Dup(int(fd)) })
	if err == nil {
		err = copyErr
	}
	return copied, err
}

// Dup is another number for what fd has open. Nobody inherits it.
func Dup(fd int) (int, error) {
	copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	return copied, os.NewSyscallError("fcntl F_DUPFD_CLOEXEC", err)
}
