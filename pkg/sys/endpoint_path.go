package sys

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// openUnix binds to a path. A socket of the owner's at which nobody listens any
// more is taken away first; anything else that is there stays, and is in the way.
func (e Endpoint) openUnix(p place) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, e.socketType()|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := e.bindUnix(fd, p); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func (e Endpoint) bindUnix(fd int, p place) error {
	// Nobody may connect before it has its mode, which no umask shall narrow.
	if err := unix.Fchmod(fd, 0o600); err != nil {
		return os.NewSyscallError("fchmod", err)
	}
	// By its whole path, which its clients and the service itself are told
	// (getsockname(2)); where the folder is held open, give looks at what came
	// of that.
	name := &unix.SockaddrUnix{Name: e.Address}
	err := unix.Bind(fd, name)
	if err == unix.EADDRINUSE && e.stale(p) {
		_ = p.unlink()
		err = unix.Bind(fd, name)
	}
	switch {
	case err == unix.ENOENT:
		return e.noDirectory("bind", err)
	case err != nil:
		return os.NewSyscallError("bind", err)
	}
	err = p.give(unix.S_IFSOCK, e.Mode)
	if err == nil {
		err = os.NewSyscallError("listen", unix.Listen(fd, unix.SOMAXCONN))
	}
	if err != nil {
		p.takeBack(unix.S_IFSOCK)
	}
	return err
}

// stale says whether the path is a socket of the owner's that refuses
// connections.
func (e Endpoint) stale(p place) bool {
	if !p.is(unix.S_IFSOCK) {
		return false
	}
	fd, err := unix.Socket(unix.AF_UNIX, e.socketType()|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return unix.Connect(fd, &unix.SockaddrUnix{Name: e.Address}) == unix.ECONNREFUSED
}

// openFIFO makes a FIFO, or takes one of the owner's that is there. It is opened
// for both directions, so that neither side ever sees the end of it and what was
// written stays until somebody reads.
func (e Endpoint) openFIFO(p place) (fd int, made bool, err error) {
	err = unix.Mkfifoat(p.dirFD, p.name, 0o600)
	made = err == nil
	switch {
	case err == unix.ENOENT:
		return -1, false, e.noDirectory("mkfifo", err)
	case err != nil && err != unix.EEXIST:
		return -1, false, os.NewSyscallError("mkfifo", err)
	}
	if err = nil; made {
		err = p.give(unix.S_IFIFO, e.Mode)
	}
	if err == nil {
		fd, err = p.openFIFO()
	}
	if err != nil {
		if made {
			p.takeBack(unix.S_IFIFO)
		}
		return -1, false, err
	}
	return fd, made, nil
}

// openFIFO opens what is there, once it is known to be a FIFO of the owner's:
// to open a device would be to use it.
func (p place) openFIFO() (int, error) {
	entryFD, err := p.hold(unix.S_IFIFO, p.uid)
	if err != nil {
		return -1, err
	}
	defer unix.Close(entryFD)
	path := fmt.Sprintf("/proc/self/fd/%d", entryFD)
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return -1, os.NewSyscallError("open", err)
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		_ = unix.Close(fd)
		return -1, os.NewSyscallError("fcntl", err)
	}
	return fd, nil
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

func (e Endpoint) noDirectory(call string, err error) error {
	return fmt.Errorf("directory %q does not exist: %w", filepath.Dir(e.Address), os.NewSyscallError(call, err))
}

// errExchanged is what somebody gets who plays with a directory of its own.
var errExchanged = errors.New("something else was put in its place")
