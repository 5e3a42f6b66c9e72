package sys

import (
	"errors"
	"fmt"
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

func lock(path string, how int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open lock: %w", err)
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
