package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/grant"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

const (
	// maxConns bounds the connections; a further one takes the place of the
	// oldest that does not receive events, so that nobody can keep sysgd out.
	maxConns = 64
	// maxUnsent bounds the frames that wait for the receiver of events to read,
	// besides those in the kernel's queue, and maxAnswers those for others. A peer
	// that does not read is cut off; it loses nothing, since all is kept until
	// the Ack.
	maxUnsent  = 1024
	maxAnswers = 64
	// maxTurn bounds the frames, and connections, taken in one turn of the loop.
	maxTurn = 16
)

// conn is one client.
type conn struct {
	fd      int
	caller  grant.Caller
	key     uint64
	greeted bool
	closed  bool
	unsent  []frame
	// listing are the incarnations that a List has yet to tell, listID its
	// number, 0 if there is none. No request is read meanwhile, as answers
	// keep the order of the requests.
	listing []*incarnation
	listID  uint64
	events  uint32
}

// frame is a reply on its way.
type frame struct {
	text []byte
	// of is the incarnation whose descriptors go with it, nil for none. They
	// are looked up when it is sent.
	of *incarnation
	// pidfd: the pidfd is among them.
	pidfd bool
	// fds go with it and are the frame's own.
	fds []int
}

// accept takes new connections.
func (h *helper) accept() {
	for range maxTurn {
		fd, err := sys.Accept(h.listener)
		if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) {
			h.refuseWithoutFDs()
			return
		}
		if err != nil {
			return // There is none, or it has gone again.
		}
		// Before a byte of it is read. Others are told nothing.
		caller, err := h.callerAt(fd)
		if err != nil || !h.grants.Connects(caller) {
			h.discard([]int{fd})
			continue
		}
		h.addConn(fd, caller)
	}
}

func (h *helper) addConn(fd int, caller grant.Caller) {
	c := &conn{fd: fd, caller: caller, events: sys.Readable}
	var err error
	if c.key, err = h.watch(fd, c.events, func(events uint32) { h.connReady(c, events) }); err != nil {
		sys.CloseAll([]int{fd})
		return
	}
	h.conns = append(h.conns, c)
	if len(h.conns) <= maxConns {
		return
	}
	// One of its own user's, so that the daemon cannot keep root out.
	for _, oldest := range h.conns {
		if oldest != h.receiver && oldest != c && oldest.caller.UID == caller.UID {
			h.closeConn(oldest)
			return
		}
	}
	for _, oldest := range h.conns {
		if oldest != h.receiver {
			h.closeConn(oldest)
			return
		}
	}
}

// refuseWithoutFDs takes one connection off the queue with the descriptor that
// is kept for it, and closes it.
func (h *helper) refuseWithoutFDs() {
	sys.CloseAll([]int{h.spareFD})
	if fd, err := sys.Accept(h.listener); err == nil {
		h.discard([]int{fd})
	}
	h.spareFD, _ = sys.Dup(h.nullFD)
}

func (h *helper) closeConn(c *conn) {
	if c.closed {
		return
	}
	c.closed = true
	for _, f := range c.unsent {
		sys.CloseAll(f.fds)
	}
	h.unwatch(c.key)
	h.discard([]int{c.fd}) // Something may be in its queue.
	if h.receiver == c {
		h.receiver = nil
	}
	for i, other := range h.conns {
		if other == c {
			h.conns = append(h.conns[:i], h.conns[i+1:]...)
			break
		}
	}
}

// connReady moves what can be moved without waiting.
func (h *helper) connReady(c *conn, events uint32) {
	if events&sys.Writable != 0 {
		h.flush(c)
	}
	if c.closed || events&(sys.Readable|sys.HangUp|sys.Failed) == 0 {
		return
	}
	if c.listID != 0 { // Only a hang-up is reported then.
		h.closeConn(c)
		return
	}
	for range maxTurn {
		n, fds, err := sys.Receive(c.fd, h.buf, h.discard)
		switch {
		case errors.Is(err, sys.ErrWouldBlock):
			return
		case errors.Is(err, sys.ErrTruncated):
			h.refuseAndClose(c, 0, spec.ReasonProtocol, "the frame, or what came with it, is too large")
			return
		case err != nil: // The end, or a peer that has reset it.
			h.closeConn(c)
			return
		}
		h.receive(c, h.buf[:n], fds)
		h.discard(fds)
		if c.closed || c.listID != 0 {
			return
		}
	}
}

// reply sends one frame, now or when the peer has read what came before.
func (h *helper) reply(c *conn, r spec.Reply) { h.send(c, r, frame{}) }

// send is reply with the descriptors that f tells of.
func (h *helper) send(c *conn, r spec.Reply, f frame) {
	h.settle()
	if c.closed {
		sys.CloseAll(f.fds)
		return
	}
	text, err := spec.EncodeReply(&r)
	if err != nil {
		fmt.Fprintf(os.Stderr, "sysg-exec: closing a connection: bug: %v\n", err)
	}
	if err != nil || len(c.unsent) >= maxUnsent || c != h.receiver && len(c.unsent) >= maxAnswers {
		sys.CloseAll(f.fds)
		h.closeConn(c)
		return
	}
	f.text = text
	c.unsent = append(c.unsent, f)
	h.flush(c)
}

// event sends to the receiver, if there is one.
func (h *helper) event(r spec.Reply) {
	if h.receiver != nil {
		h.reply(h.receiver, r)
	}
}

// flush sends what waits, then goes on with a List. A nil conn has nothing.
func (h *helper) flush(c *conn) {
	if c == nil || c.closed {
		return
	}
	for {
		if len(c.unsent) == 0 && !h.listNext(c) {
			break
		}
		if !h.sendFirst(c) {
			break
		}
	}
	if c.closed {
		return
	}
	var events uint32
	if c.listID == 0 {
		events |= sys.Readable
	}
	if len(c.unsent) > 0 {
		events |= sys.Writable
	}
	if events != c.events {
		c.events = events
		if err := h.rewatch(c.key, events); err != nil {
			h.closeConn(c)
		}
	}
}

// sendFirst sends the oldest frame; false if that has to wait or the
// connection is gone.
func (h *helper) sendFirst(c *conn) bool {
	first := c.unsent[0]
	fds := first.fds
	if first.of != nil {
		if first.of.forgotten {
			// Its descriptors' numbers may mean something else by now. Only a
			// peer that acknowledges what it has not read gets here.
			h.closeConn(c)
			return false
		}
		fds = first.of.fds(first.pidfd)
	}
	err := sys.SendPacket(c.fd, first.text, fds)
	if errors.Is(err, sys.ErrWouldBlock) {
		return false
	}
	if err != nil {
		h.closeConn(c)
		return false
	}
	sys.CloseAll(first.fds)
	c.unsent = c.unsent[1:]
	return true
}

// fds are an incarnation's descriptors in the order of the contract.
func (i *incarnation) fds(pidfd bool) []int {
	var fds []int
	if pidfd && i.pidfd >= 0 {
		fds = append(fds, i.pidfd)
	}
	if i.outputs[0] >= 0 {
		fds = append(fds, i.outputs[:]...)
	}
	if i.notifyFD >= 0 {
		fds = append(fds, i.notifyFD)
	}
	if i.readyFD >= 0 {
		fds = append(fds, i.readyFD)
	}
	return fds
}

// listNext queues the next frame of a List; false if there is none, or if it
// is about an incarnation that is still being launched: its pid and pipes are
// not there yet, and leaving it out could make its supervisor launch another.
func (h *helper) listNext(c *conn) bool {
	if c.listID == 0 {
		return false
	}
	for len(c.listing) > 0 {
		inc := c.listing[0]
		if !inc.forgotten && inc.state < failing {
			return false
		}
		c.listing = c.listing[1:]
		if inc.forgotten || inc.state == failing {
			continue
		}
		record := inc.record
		text, err := spec.EncodeReply(&spec.Reply{ID: c.listID, Listed: &spec.Listed{
			Record: &record, Notify: inc.notifyFD >= 0, Ready: inc.readyFD >= 0,
		}})
		if err != nil {
			fmt.Fprintf(os.Stderr, "sysg-exec: leaving out incarnation %s: bug: %v\n", record.Launch.Incarnation, err)
			continue
		}
		c.unsent = append(c.unsent, frame{text: text, of: inc, pidfd: record.Exited == nil})
		return true
	}
	text, _ := spec.EncodeReply(&spec.Reply{ID: c.listID, Listed: &spec.Listed{Last: true}})
	c.unsent = append(c.unsent, frame{text: text})
	c.listID = 0
	return true
}
