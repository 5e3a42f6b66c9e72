package execclient

import (
	"errors"
	"fmt"
	"syscall"

	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// maxQueued is how many bytes wait for a sysg-exec that does not read, some
// ten thousand requests. Past it, the connection is of no use.
const maxQueued = 4 << 20

// frame is what is to be sent, with descriptors that are closed after that.
type frame struct {
	text []byte
	fds  []int
}

func (f *frame) closeFDs() { sys.CloseAll(f.fds) }

// send gives request an ID and sends or queues it. It takes over fds.
func (c *Conn) send(request spec.Request, q question, fds ...int) error {
	f := frame{fds: fds}
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.sendLocked(request, q, f)
	if err != nil {
		f.closeFDs()
		return fmt.Errorf("cannot send %s to sysg-exec: %w", q.request, err)
	}
	return nil
}

func (c *Conn) sendLocked(request spec.Request, q question, f frame) error {
	if c.err != nil {
		return c.err
	}
	request.ID = c.lastID + 1
	text, err := spec.EncodeRequest(&request)
	if err != nil {
		return err
	}
	f.text = text
	if c.queued+len(text) > maxQueued {
		c.failLocked(errOverflow)
		return errOverflow
	}
	c.lastID++
	c.waiting[request.ID] = q
	c.queue = append(c.queue, f)
	c.queued += len(text)
	if !c.flushing && !c.drainLocked() {
		c.flushing = true
		go c.flush()
	}
	// Where the connection broke in this very moment, the last event says so.
	return nil
}

// drainLocked sends what is queued, and says whether that is all done. An
// error is the end of the connection and of the queue.
func (c *Conn) drainLocked() bool {
	sent := 0
	for sent < len(c.queue) {
		f := &c.queue[sent]
		var err error
		if controlErr := c.raw.Control(func(fd uintptr) { err = sys.SendPacket(int(fd), f.text, f.fds) }); controlErr != nil {
			err = controlErr
		}
		if errors.Is(err, sys.ErrWouldBlock) {
			break
		}
		if err != nil {
			c.queue = c.queue[sent:]
			c.failLocked(err)
			return true
		}
		f.closeFDs()
		c.queued -= len(f.text)
		sent++
	}
	c.queue = c.queue[sent:]
	if len(c.queue) == 0 {
		c.queue = nil // Let go of the array.
	}
	return c.queue == nil
}

// flush waits for room and sends what is queued, until nothing is or the
// connection ends. There is one at a time, while flushing is set.
func (c *Conn) flush() {
	// An error means that the file is closed; the reader has told why.
	_ = c.raw.Write(func(uintptr) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.flushing = !c.drainLocked()
		return !c.flushing
	})
}

// sendWaiting sends one frame, and waits for room until the file's deadline.
func sendWaiting(raw syscall.RawConn, text []byte) error {
	var sendErr error
	err := raw.Write(func(fd uintptr) bool {
		sendErr = sys.SendPacket(int(fd), text, nil)
		return !errors.Is(sendErr, sys.ErrWouldBlock)
	})
	if err == nil {
		err = sendErr
	}
	return err
}
