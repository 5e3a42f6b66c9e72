package main

import (
	"systemg.org/sysg/pkg/sys"
)

// To close what somebody else has made can take as long as that likes: a socket
// may linger until its data is taken (SO_LINGER, socket(7)), and a file system
// that a user made up is asked to flush (fuse). What is still in the queue of a
// connection is closed with it. So in the system's instance, where such things
// come from others, the loop closes nothing of theirs; goroutines do.

const (
	// maxClosers bounds the goroutines, those that wait for ever included.
	maxClosers = 16
	// maxDiscarded bounds the descriptors that wait for one. Beyond it nobody
	// can send us more.
	maxDiscarded = 256
)

// closers closes descriptors. All but run belongs to the loop.
type closers struct {
	busy    int
	waiting []int
	done    chan struct{}
	// paused: nobody is listened to.
	paused bool
}

// discard closes descriptors that came from others.
func (h *helper) discard(fds []int) {
	if !h.options.system {
		sys.CloseAll(fds)
		return
	}
	h.closers.waiting = append(h.closers.waiting, fds...)
	h.closeNext()
	if len(h.closers.waiting) > maxDiscarded && !h.closers.paused {
		h.pause()
	}
}

// closeNext gives what waits to a goroutine, one each for what may hang.
func (h *helper) closeNext() {
	c := &h.closers
	for c.busy < maxClosers && len(c.waiting) > 0 {
		fd := c.waiting[0]
		c.waiting = c.waiting[1:]
		c.busy++
		go func() { // Ends when the descriptor is closed, which may be never.
			sys.CloseAll([]int{fd})
			c.done <- struct{}{}
			_ = sys.Signal(h.wakeFD)
		}()
	}
}

// closersDone takes back those that have ended.
func (h *helper) closersDone() {
	c := &h.closers
	for {
		select {
		case <-c.done:
			c.busy--
			h.closeNext()
			continue
		default:
		}
		break
	}
	if c.paused && len(c.waiting) == 0 {
		c.paused = false
		h.listenAgain(sys.Readable)
	}
}

// pause ends the connections of all but root, and takes no new ones until what
// came with them is closed: somebody has sent a great many of descriptors that
// cannot be closed. Services go on, and so does whatever root asks.
func (h *helper) pause() {
	h.closers.paused = true
	h.listenAgain(0)
	for _, c := range append([]*conn(nil), h.conns...) {
		if c.caller.UID != 0 {
			h.closeConn(c)
		}
	}
	for _, a := range append([]*asker(nil), h.askers...) {
		if !a.waits {
			a.close(h)
		}
	}
}

// listenAgain changes what is awaited of our own listeners.
func (h *helper) listenAgain(events uint32) {
	for _, key := range h.listeners {
		_ = h.rewatch(key, events)
	}
}
