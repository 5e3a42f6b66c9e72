package main

import (
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// client is one connection, with Hello exchanged.
type client struct {
	t    testing.TB
	fd   int
	last uint64
	// pending are replies that came before the one that was asked for.
	pending []packet
}

// packet is a reply and what came with it.
type packet struct {
	spec.Reply
	fds []int
}

func (i *instance) dial() *client {
	i.t.Helper()
	c := i.dialRaw()
	c.ask(spec.Request{Hello: &spec.Hello{Version: spec.Version, Min: spec.Min}})
	if p := c.answer(); p.Hello == nil {
		i.t.Fatalf("hello was answered by %+v", p.Reply)
	}
	return c
}

func (i *instance) dialRaw() *client {
	i.t.Helper()
	fd, err := sys.DialPacket(i.socket)
	if err != nil {
		i.t.Fatalf("%v\n%s", err, i.stderr)
	}
	return &client{t: i.t, fd: fd}
}

func (c *client) close() { _ = unix.Close(c.fd) }

// send sends a request under the next ID.
func (c *client) send(r spec.Request, fds ...int) uint64 {
	c.t.Helper()
	c.last++
	r.ID = c.last
	text, err := spec.EncodeRequest(&r)
	if err != nil {
		c.t.Fatal(err)
	}
	c.raw(text, fds...)
	return r.ID
}

func (c *client) ask(r spec.Request, fds ...int) { c.t.Helper(); c.send(r, fds...) }

func (c *client) raw(text []byte, fds ...int) {
	c.t.Helper()
	for {
		err := sys.SendPacket(c.fd, text, fds)
		if errors.Is(err, sys.ErrWouldBlock) {
			_, _ = sys.Poll([]unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLOUT}}, 1000)
			continue
		}
		if err != nil {
			c.t.Fatal(err)
		}
		return
	}
}

// receive waits for the next packet; io.EOF when the helper has hung up.
func (c *client) receive() (packet, error) {
	c.t.Helper()
	buf := make([]byte, spec.MaxFrame)
	deadline := time.Now().Add(patience)
	for {
		n, fds, err := sys.ReceivePacket(c.fd, buf)
		if errors.Is(err, sys.ErrWouldBlock) {
			if time.Now().After(deadline) {
				c.t.Fatal("no answer")
			}
			_, _ = sys.Poll([]unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLIN}}, 1000)
			continue
		}
		if err != nil {
			return packet{}, io.EOF
		}
		reply, err := spec.DecodeReply(buf[:n])
		if err != nil {
			c.t.Fatalf("%v in %s", err, buf[:n])
		}
		if len(fds) > 0 {
			c.t.Cleanup(func() { sys.CloseAll(fds) })
		}
		return packet{reply, fds}, nil
	}
}

// wait returns the first packet that fits, and keeps the others for later.
func (c *client) wait(fits func(packet) bool) packet {
	c.t.Helper()
	for i, p := range c.pending {
		if fits(p) {
			c.pending = slices.Delete(c.pending, i, i+1)
			return p
		}
	}
	for {
		p, err := c.receive()
		if err != nil {
			c.t.Fatal("the helper hung up")
		}
		if fits(p) {
			return p
		}
		c.pending = append(c.pending, p)
	}
}

// answer waits for the answer to the last request.
func (c *client) answer() packet {
	c.t.Helper()
	id := c.last
	return c.wait(func(p packet) bool { return p.ID == id })
}

func (c *client) done(r spec.Request) {
	c.t.Helper()
	c.ask(r)
	if p := c.answer(); p.Done == nil {
		c.t.Fatalf("%+v was answered by %+v, refused %+v", r, p.Reply, p.Refused)
	}
}

func (c *client) exited(incarnation string) *spec.Exited {
	c.t.Helper()
	return c.wait(func(p packet) bool { return p.Exited != nil && p.Exited.Incarnation == incarnation }).Exited
}

func (c *client) emptied(incarnation string) {
	c.t.Helper()
	c.wait(func(p packet) bool { return p.Emptied != nil && p.Emptied.Incarnation == incarnation })
}

// over waits until nothing of an incarnation is left, and returns its exit.
func (c *client) over(incarnation string) *spec.Exited {
	c.t.Helper()
	e := c.exited(incarnation)
	if !e.Emptied {
		c.emptied(incarnation)
	}
	return e
}

// list asks for a List and returns what it tells.
func (c *client) list() map[string]packet {
	c.t.Helper()
	c.ask(spec.Request{List: &spec.List{}})
	all := map[string]packet{}
	for {
		p := c.answer()
		if p.Listed == nil {
			c.t.Fatalf("list was answered by %+v", p.Reply)
		}
		if p.Listed.Last {
			return all
		}
		all[p.Listed.Record.Launch.Incarnation] = p
	}
}
