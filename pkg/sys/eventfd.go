package sys

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"
)

// NewEventfd makes the descriptor by which one thread wakes another out of its
// Epoll (eventfd(2)), non-blocking. It is readable from Signal until Drain.
func NewEventfd() (int, error) {
	return retryValue("eventfd2", func() (int, error) {
		return unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	})
}

// Signal makes an eventfd readable. It never waits.
func Signal(fd int) error {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, err := retryValue("write", func() (int, error) { return unix.Write(fd, one[:]) })
	if errors.Is(err, ErrWouldBlock) {
		return nil // The counter is at its maximum: it is readable already.
	}
	return err
}

// Drain makes an eventfd unreadable. Drain first and look for work after it,
// so that a Signal in between is not lost.
func Drain(fd int) error {
	var count [8]byte
	_, err := retryValue("read", func() (int, error) { return unix.Read(fd, count[:]) })
	if errors.Is(err, ErrWouldBlock) {
		return nil
	}
	return err
}
