package execclient

import (
	"errors"
	"syscall"

	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// receive is the reader: it ends with the connection, and closes everything.
func (c *Conn) receive() {
	buf := make([]byte, spec.MaxFrame)
	var err error
	for err == nil {
		var reply spec.Reply
		var fds []int
		reply, fds, err = receiveFrame(c.raw, buf)
		if err == nil {
			err = c.dispatch(reply, fds)
		}
	}
	c.fail(err)
	// Nothing changes c.err from here on.
	if c.err != ErrClosed {
		c.deliver(Event{Err: c.err})
	}
	_ = c.file.Close()
	close(c.ended)
	close(c.events)
}

// receiveFrame waits for one frame. After an error no descriptor is open.
func receiveFrame(raw syscall.RawConn, buf []byte) (spec.Reply, []int, error) {
	var n int
	var fds []int
	var receiveErr error
	err := raw.Read(func(fd uintptr) bool {
		n, fds, receiveErr = sys.ReceivePacket(int(fd), buf)
		return !errors.Is(receiveErr, sys.ErrWouldBlock)
	})
	if err == nil {
		err = receiveErr
	}
	if err != nil {
		return spec.Reply{}, nil, err
	}
	reply, err := spec.DecodeReply(buf[:n])
	if err != nil {
		sys.CloseAll(fds)
		return spec.Reply{}, nil, protocolError("%w", err)
	}
	return reply, fds, nil
}

// dispatch makes a frame an event, and gives it to whoever waits for it. It
// takes over fds.
func (c *Conn) dispatch(reply spec.Reply, fds []int) error {
	if reply.ID == 0 && reply.Refused != nil {
		// Our frame could not be read, so sysg-exec ends the connection.
		sys.CloseAll(fds)
		return failure(&reply)
	}
	q, err := c.questionOf(&reply)
	if err != nil {
		sys.CloseAll(fds)
		return err
	}
	event := Event{Reply: reply, Request: q.request, Incarnation: q.incarnation, Project: q.project, Service: q.service}
	if err := event.takeFiles(fds); err != nil {
		sys.CloseAll(fds)
		return err
	}
	if q.answer != nil {
		q.answer <- reply
		return nil
	}
	c.deliver(event)
	return nil
}

// deliver puts event on the channel, and waits for room there for as long as
// somebody may take it. sysg-exec has to wait with us; it keeps its events.
func (c *Conn) deliver(event Event) {
	select {
	case <-c.closed:
		event.CloseFiles()
		return
	default:
	}
	select {
	case c.events <- event:
	case <-c.closed:
		event.CloseFiles()
	}
}

// questionOf finds what reply answers, and checks that it can be its answer.
func (c *Conn) questionOf(reply *spec.Reply) (question, error) {
	switch {
	case reply.Exited != nil:
		return question{incarnation: reply.Exited.Incarnation}, nil
	case reply.Emptied != nil:
		return question{incarnation: reply.Emptied.Incarnation}, nil
	case reply.Spawned != nil:
		return question{incarnation: reply.Spawned.Record.Launch.Incarnation}, nil
	case reply.Wanted != nil:
		return question{project: reply.Wanted.Project, service: reply.Wanted.Service}, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	q, asked := c.waiting[reply.ID]
	if !asked || !answers(reply, q) {
		return question{}, protocolError("a reply to request %d that does not answer it", reply.ID)
	}
	if reply.Listed != nil && reply.Listed.Record != nil {
		q.incarnation = reply.Listed.Record.Launch.Incarnation
		return q, nil // More follow.
	}
	delete(c.waiting, reply.ID)
	return q, nil
}

// answers says whether reply may be the answer to q.
func answers(reply *spec.Reply, q question) bool {
	if reply.Refused != nil {
		return true
	}
	switch q.request {
	case RequestInstall, RequestActivate:
		return reply.Installed != nil
	case RequestListen:
		return reply.Listening != nil
	case RequestLaunch:
		return reply.Launched != nil && reply.Launched.Incarnation == q.incarnation ||
			reply.Failed != nil && reply.Failed.Incarnation == q.incarnation
	case RequestList:
		return reply.Listed != nil
	case RequestSignal, RequestKill, RequestAck, RequestQuit,
		RequestUnlisten, RequestMain, RequestKeep, RequestDrop, RequestRemove:
		return reply.Done != nil
	}
	return false
}
