package sys

import "golang.org/x/sys/unix"

// The events that Epoll reports, see epoll_ctl(2).
const (
	Readable   = unix.EPOLLIN
	Writable   = unix.EPOLLOUT
	HangUp     = unix.EPOLLHUP
	PeerClosed = unix.EPOLLRDHUP
	// Urgent is what a cgroup's event files raise when they change.
	Urgent = unix.EPOLLPRI
	Failed = unix.EPOLLERR
	// EdgeTriggered, beside others, reports what is ready once, and then only
	// what happens anew.
	EdgeTriggered = unix.EPOLLET
)

// Epoll waits for many descriptors at once, level-triggered (epoll(7)). It is
// for one goroutine; Wait holds an operating system thread while it blocks.
type Epoll struct {
	fd     int
	events [64]unix.EpollEvent
}

// Ready is one descriptor with something to do.
type Ready struct {
	Key    uint64
	Events uint32
}

// NewEpoll makes an instance. Close ends it.
func NewEpoll() (*Epoll, error) {
	fd, err := retryValue("epoll_create1", func() (int, error) { return unix.EpollCreate1(unix.EPOLL_CLOEXEC) })
	if err != nil {
		return nil, err
	}
	return &Epoll{fd: fd}, nil
}

// Add watches fd for events; Ready carries key. Closing fd ends the watch only
// where no duplicate of it is open anywhere, so Remove first.
func (e *Epoll) Add(fd int, events uint32, key uint64) error {
	return e.control(unix.EPOLL_CTL_ADD, fd, events, key)
}

// Modify replaces what fd is watched for.
func (e *Epoll) Modify(fd int, events uint32, key uint64) error {
	return e.control(unix.EPOLL_CTL_MOD, fd, events, key)
}

// Remove ends the watch of fd.
func (e *Epoll) Remove(fd int) error {
	return e.control(unix.EPOLL_CTL_DEL, fd, 0, 0)
}

func (e *Epoll) control(op, fd int, events uint32, key uint64) error {
	event := unix.EpollEvent{Events: events, Fd: int32(uint32(key)), Pad: int32(uint32(key >> 32))}
	return retry("epoll_ctl", func() error { return unix.EpollCtl(e.fd, op, fd, &event) })
}

// Wait appends what is ready to dst. It blocks for at most timeout
// milliseconds, for ever with -1.
func (e *Epoll) Wait(dst []Ready, timeout int) ([]Ready, error) {
	n, err := retryValue("epoll_wait", func() (int, error) { return unix.EpollWait(e.fd, e.events[:], timeout) })
	if err != nil {
		return dst, err
	}
	for _, event := range e.events[:n] {
		key := uint64(uint32(event.Fd)) | uint64(uint32(event.Pad))<<32
		dst = append(dst, Ready{Key: key, Events: event.Events})
	}
	return dst, nil
}

// Close ends the instance; what it watched stays open.
func (e *Epoll) Close() error {
	return retry("close", func() error { return unix.Close(e.fd) })
}
