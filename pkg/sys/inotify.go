package sys

import (
	"encoding/binary"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// What an Inotify can watch for, see inotify(7).
const (
	// Modified: the file was written to or truncated.
	Modified = unix.IN_MODIFY
	// NameAdded: a name appeared in the folder, by creation or by rename.
	NameAdded = unix.IN_CREATE | unix.IN_MOVED_TO
)

// Everything stands for all watches: the kernel dropped events, so that any of
// them may have something new.
const Everything = -1

// Inotify tells which of the watched files and folders have changed. Wait
// parks its goroutine without holding an operating system thread.
type Inotify struct {
	file *os.File
	buf  [4096]byte
}

// NewInotify makes an instance. Close ends it.
func NewInotify() (*Inotify, error) {
	fd, err := retryValue("inotify_init1", func() (int, error) {
		return unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	})
	if err != nil {
		return nil, err
	}
	return &Inotify{file: os.NewFile(uintptr(fd), "inotify")}, nil
}

// Add watches path for events and returns the watch's number. The same file
// always has the same number, whatever its path.
func (n *Inotify) Add(path string, events uint32) (int, error) {
	return n.call(func(fd int) (int, error) { return unix.InotifyAddWatch(fd, path, events) })
}

// Remove ends a watch. Events of it that wait to be read are still delivered.
func (n *Inotify) Remove(watch int) error {
	_, err := n.call(func(fd int) (int, error) { return unix.InotifyRmWatch(fd, uint32(watch)) })
	return err
}

// call makes a call on the instance while nobody can close it.
func (n *Inotify) call(do func(fd int) (int, error)) (int, error) {
	raw, err := n.file.SyscallConn()
	if err != nil {
		return 0, err
	}
	var watch int
	var callErr error
	err = raw.Control(func(fd uintptr) {
		watch, callErr = retryValue("inotify watch", func() (int, error) { return do(int(fd)) })
	})
	return watch, errors.Join(err, callErr)
}

// Wait blocks until something changed and appends to dst the watches that it
// happened to, each at least once. It fails with os.ErrDeadlineExceeded after
// Interrupt.
func (n *Inotify) Wait(dst []int) ([]int, error) {
	size, err := n.file.Read(n.buf[:])
	if err != nil {
		return dst, err
	}
	return watches(dst, n.buf[:size]), nil
}

// watches reads the numbers out of a buffer of struct inotify_event: an int of
// watch, then mask and cookie, then the length of the name that follows.
func watches(dst []int, events []byte) []int {
	for len(events) >= unix.SizeofInotifyEvent {
		dst = append(dst, int(int32(binary.NativeEndian.Uint32(events))))
		size := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(events[12:]))
		events = events[min(size, len(events)):]
	}
	return dst
}

// Interrupt makes this and every later Wait fail. Any goroutine may call it.
func (n *Inotify) Interrupt() error {
	return n.file.SetReadDeadline(time.Unix(1, 0))
}

// Close ends the instance and all its watches.
func (n *Inotify) Close() error {
	return n.file.Close()
}
