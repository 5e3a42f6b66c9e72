package sys

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// openUnix binds to a path. A socket of ours at which nobody listens any more
// is taken away first; anything else that is there stays, and is in the way.
func (e Endpoint) openUnix() (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, e.socketType()|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := e.bindUnix(fd); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func (e Endpoint) bindUnix(fd int) error {
	// Nobody may connect before it has its mode, which no umask shall narrow.
	if err := unix.Fchmod(fd, 0o600); err != nil {
		return os.NewSyscallError("fchmod", err)
	}
	name := &unix.SockaddrUnix{Name: e.Address}
	err := unix.Bind(fd, name)
	if err == unix.EADDRINUSE && e.stale() {
		_ = unix.Unlink(e.Address)
		err = unix.Bind(fd, name)
	}
	switch {
	case err == unix.ENOENT:
		return fmt.Errorf("directory %q does not exist: %w", filepath.Dir(e.Address), os.NewSyscallError("bind", err))
	case err != nil:
		return os.NewSyscallError("bind", err)
	}
	err = chmodEntry(e.Address, unix.S_IFSOCK, e.Mode)
	if err == nil {
		err = os.NewSyscallError("listen", unix.Listen(fd, unix.SOMAXCONN))
	}
	if err != nil {
		_ = unix.Unlink(e.Address)
	}
	return err
}

// stale says whether the path is a socket of ours that refuses connections.
func (e Endpoint) stale() bool {
	var stat unix.Stat_t
	if unix.Lstat(e.Address, &stat) != nil || stat.Mode&unix.S_IFMT != unix.S_IFSOCK || stat.Uid != uint32(os.Geteuid()) {
		return false
	}
	fd, err := unix.Socket(unix.AF_UNIX, e.socketType()|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return unix.Connect(fd, &unix.SockaddrUnix{Name: e.Address}) == unix.ECONNREFUSED
}

// chmodEntry sets the mode of what is at path, if it is of that kind. It is
// opened first, so that a link put there meanwhile is not followed.
func chmodEntry(path string, kind, mode uint32) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("open", err)
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	if stat.Mode&unix.S_IFMT != kind {
		return errors.New("something else was put in its place")
	}
	return os.NewSyscallError("chmod", unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), mode))
}

// openFIFO makes a FIFO, or takes one of ours that is there. It is opened for
// both directions, so that neither side ever sees the end of it and what was
// written stays until somebody reads.
func (e Endpoint) openFIFO() (fd int, made bool, err error) {
	err = unix.Mkfifo(e.Address, 0o600)
	made = err == nil
	switch {
	case err == unix.ENOENT:
		return -1, false, fmt.Errorf("directory %q does not exist: %w", filepath.Dir(e.Address), os.NewSyscallError("mkfifo", err))
	case err != nil && err != unix.EEXIST:
		return -1, false, os.NewSyscallError("mkfifo", err)
	}
	fd, err = unix.Open(e.Address, unix.O_RDWR|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return -1, false, os.NewSyscallError("open", err)
	}
	err = e.holdsFIFO(fd)
	if err == nil && made {
		err = os.NewSyscallError("fchmod", unix.Fchmod(fd, e.Mode))
	}
	if err == nil {
		err = os.NewSyscallError("fcntl", unix.SetNonblock(fd, false))
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, false, err
	}
	return fd, made, nil
}

// holdsFIFO says whether fd is the FIFO at the path, and ours.
func (e Endpoint) holdsFIFO(fd int) error {
	var stat, entry unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFIFO || stat.Uid != uint32(os.Geteuid()) {
		return fmt.Errorf("it is no FIFO of ours: %w", unix.EEXIST)
	}
	if unix.Lstat(e.Address, &entry) != nil || entry.Ino != stat.Ino || entry.Dev != stat.Dev {
		return fmt.Errorf("it is not at %q", e.Address)
	}
	return nil
}
