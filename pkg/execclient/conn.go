package execclient

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// helloTimeout is generous, since connecting may be what makes systemd start
// sysg-exec, on a machine that is just booting.
const helloTimeout = 30 * time.Second

// Conn is a connection. Its methods may be called from any goroutine.
type Conn struct {
	file *os.File
	raw  syscall.RawConn

	events chan Event
	// closed is closed by Close: nobody takes events any more.
	closed    chan struct{}
	closeOnce sync.Once
	// ended is closed by the reader, when err is final and no answer will come.
	ended chan struct{}

	mu sync.Mutex
	// err is why the connection ended, nil while it has not.
	err      error
	lastID   uint64
	waiting  map[uint64]question
	queue    []frame
	queued   int // bytes in queue
	flushing bool
}

// question is a request that waits for its answer.
type question struct {
	request          Request
	incarnation      string
	project, service string
	// answer takes the reply instead of the channel of events, if not nil. It
	// has room for one.
	answer chan<- spec.Reply
}

// Dial connects to the socket of sysg-exec and agrees on a version. A peer that
// is neither root's nor our own is refused before it is told anything.
func Dial(path string) (*Conn, error) {
	return dial(path, helloTimeout)
}

func dial(path string, timeout time.Duration) (*Conn, error) {
	fd, err := sys.DialPacket(path)
	if err != nil {
		return nil, err
	}
	if err := checkPeer(fd); err != nil {
		sys.CloseAll([]int{fd})
		return nil, fmt.Errorf("cannot use %q: %w", path, err)
	}
	file := os.NewFile(uintptr(fd), path)
	raw, err := file.SyscallConn()
	if err == nil {
		err = hello(file, raw, timeout)
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("cannot talk to sysg-exec at %q: %w", path, err)
	}
	c := &Conn{
		file: file, raw: raw,
		events: make(chan Event, 64), closed: make(chan struct{}), ended: make(chan struct{}),
		lastID: helloID, waiting: make(map[uint64]question),
	}
	go c.receive()
	return c, nil
}

// checkPeer asks who listens. (For a socket of systemd's that is systemd.)
func checkPeer(fd int) error {
	peer, err := sys.Peer(fd)
	if err != nil {
		return err
	}
	if peer.UID != 0 && peer.UID != uint32(os.Geteuid()) {
		return fmt.Errorf("it belongs to uid %d", peer.UID)
	}
	return nil
}

const helloID = 1

// hello says which versions we speak and hears what the other side does.
func hello(file *os.File, raw syscall.RawConn, timeout time.Duration) error {
	greeting, err := spec.EncodeRequest(&spec.Request{ID: helloID, Hello: &spec.Hello{Version: spec.Version, Min: spec.Min}})
	if err != nil {
		return err
	}
	if err := file.SetDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	if err := sendWaiting(raw, greeting); err != nil {
		return err
	}
	reply, fds, err := receiveFrame(raw, make([]byte, spec.MaxFrame))
	sys.CloseAll(fds)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errNoAnswer
	case err != nil:
		return err
	case len(fds) != 0:
		return protocolError("descriptors with its hello")
	case reply.Refused != nil:
		return failure(&reply)
	case reply.Hello == nil || reply.ID != helloID:
		return protocolError("its first frame is no hello")
	}
	if their := *reply.Hello; their.Version < spec.Min || their.Min > spec.Version {
		return &Refused{Reason: spec.ReasonVersion, Detail: fmt.Sprintf(
			"it speaks versions %d to %d, this program %d to %d", their.Min, their.Version, spec.Min, spec.Version)}
	}
	return file.SetDeadline(time.Time{})
}

// Events gives what sysg-exec says. If the connection ends by itself, the last
// event has Err; then, and after Close, the channel is closed.
func (c *Conn) Events() <-chan Event { return c.events }

// Close ends the connection. Events already on the channel stay there.
func (c *Conn) Close() error {
	c.closeOnce.Do(func() { close(c.closed) })
	c.fail(ErrClosed)
	return nil
}

// fail ends the connection for a reason, unless it has ended for another. The
// reader notices, since what it reads then is the end.
func (c *Conn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failLocked(err)
}

func (c *Conn) failLocked(err error) {
	if c.err != nil {
		return
	}
	c.err = err
	for _, f := range c.queue {
		f.closeFDs()
	}
	c.queue, c.queued = nil, 0
	_ = c.raw.Control(func(fd uintptr) { _ = syscall.Shutdown(int(fd), syscall.SHUT_RDWR) })
}
