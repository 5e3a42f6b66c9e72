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
	err = raw.Control(func(fd uintptr) { copied, copyErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	if err == nil {
		err = os.NewSyscallError("fcntl F_DUPFD_CLOEXEC", copyErr)
	}
	return copied, err
}
