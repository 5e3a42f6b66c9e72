package sys

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// ErrLocked says that another process holds the lock.
var ErrLocked = errors.New("locked by another process")

// Lock takes the lock that is the file at path, made if missing, and fails
// with ErrLocked if another holds it. It lasts until the result is closed or
// the process ends, however it ends (flock(2)). The file must never be
// deleted: two processes could then lock two files of one name.
func Lock(path string) (*os.File, error) {
	return lock(path, unix.LOCK_EX|unix.LOCK_NB)
}

// LockWait is Lock, but waits for the other to let go.
func LockWait(path string) (*os.File, error) {
	return lock(path, unix.LOCK_EX)
}

// LockProcess is Lock for a program that forks. A child has a copy of all
// descriptors until its execve, and with it a lock of flock(2), for as long as
// that hangs; so what decides here is a lock that is the process's alone
// (F_SETLK in fcntl(2)). The process must open the file only once. The other
// lock is taken, too, if it is free, for those who wait for our end by it.
func LockProcess(path string) (*os.File, error) {
	file, err := openLock(path)
	if err != nil {
		return nil, err
	}
	whole := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	err = retry("fcntl F_SETLK", func() error { return unix.FcntlFlock(file.Fd(), unix.F_SETLK, &whole) })
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		err = ErrLocked
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("cannot lock %q: %w", path, err)
	}
	_ = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	return file, nil
}

func openLock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open lock: %w", err)
	}
	return file, nil
}

func lock(path string, how int) (*os.File, error) {
	file, err := openLock(path)
	if err != nil {
		return nil, err
	}
	err = retry("flock", func() error { return unix.Flock(int(file.Fd()), how) })
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = ErrLocked
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("cannot lock %q: %w", path, err)
	}
	return file, nil
}
