package sys

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// WallTimer rings at a time of the real clock (timerfd_create(2)), and whenever
// that clock is set. A timer of Go's rings after a while, which is something
// else: time in suspend does not count, nor does a clock that is put forward.
type WallTimer struct{ file *os.File }

// NewWallTimer makes a timer that is off.
func NewWallTimer() (*WallTimer, error) {
	fd, err := retryValue("timerfd_create", func() (int, error) {
		return unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	})
	if err != nil {
		return nil, err
	}
	return &WallTimer{os.NewFile(uintptr(fd), "timerfd")}, nil
}

// Set has the timer ring at a time, at once if that has passed; the zero time
// turns it off. moved says that the clock has been set since the last Set, and
// that nobody has heard it: whoever reckoned by it should do so again.
func (w *WallTimer) Set(at time.Time) (moved bool, err error) {
	var spec unix.ItimerSpec
	if !at.IsZero() {
		// Zero would turn it off, and the kernel takes nothing before 1970.
		spec.Value = unix.NsecToTimespec(max(at.UnixNano(), 1))
	}
	raw, err := w.file.SyscallConn()
	if err != nil {
		return false, err
	}
	var callErr error
	err = raw.Control(func(fd uintptr) {
		callErr = retry("timerfd_settime", func() error {
			return unix.TimerfdSettime(int(fd), unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &spec, nil)
		})
	})
	if errors.Is(callErr, unix.ECANCELED) {
		return true, err // It is set all the same.
	}
	return false, errors.Join(err, callErr)
}

// Wait waits for the timer to ring. After Close it fails with os.ErrClosed.
func (w *WallTimer) Wait() error {
	var count [8]byte
	_, err := w.file.Read(count[:])
	if errors.Is(err, syscall.ECANCELED) {
		return nil // The clock was set.
	}
	return err
}

// Close ends the timer, and whoever waits for it.
func (w *WallTimer) Close() error { return w.file.Close() }
