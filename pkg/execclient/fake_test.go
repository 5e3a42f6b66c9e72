package execclient

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

const patience = 20 * time.Second

// fake is the other side of one connection, over a real socket. Its script
// runs in a goroutine and so reports with Errorf and gives up by returning.
type fake struct {
	t  *testing.T
	fd int
}

// serve listens, and runs script on the first connection.
func serve(t *testing.T, script func(*fake)) (path string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "sysg")
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "s")
	listener, err := sys.ListenPacket(path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		waitFor(listener, unix.POLLIN)
		fd, err := sys.Accept(listener)
		if err != nil {
			t.Errorf("nobody connects: %v", err)
			return
		}
		defer unix.Close(fd)
		script(&fake{t, fd})
	}()
	t.Cleanup(func() {
		select {
		case <-done:
		case <-time.After(patience):
			t.Error("the script does not end")
		}
		_ = unix.Close(listener)
		_ = os.RemoveAll(dir)
	})
	return path
}

// waitFor waits until fd is ready for events; what follows fails if it is not.
func waitFor(fd int, events int16) {
	for {
		_, err := sys.Poll([]unix.PollFd{{Fd: int32(fd), Events: events}}, int(patience.Milliseconds()))
		if err != unix.EINTR {
			return
		}
	}
}

// dialed is a connection whose fake has said hello and goes on with script.
func dialed(t *testing.T, script func(*fake)) *Conn {
	t.Helper()
	c, err := Dial(serve(t, func(f *fake) {
		f.hello()
		script(f)
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		for event := range c.Events() {
			event.CloseFiles()
		}
	})
	return c
}

func (f *fake) hello() {
	request, _ := f.request()
	if request.Hello == nil || *request.Hello != (spec.Hello{Version: spec.Version, Min: spec.Min}) {
		f.t.Errorf("the first request is %+v", request)
	}
	f.reply(spec.Reply{ID: request.ID, Hello: &spec.Hello{Version: spec.Version, Min: spec.Min}})
}

// request is the next one, or an empty one at the end.
func (f *fake) request() (spec.Request, []int) {
	waitFor(f.fd, unix.POLLIN)
	buf := make([]byte, spec.MaxFrame)
	n, fds, err := sys.ReceivePacket(f.fd, buf)
	if err != nil {
		return spec.Request{}, nil
	}
	request, err := spec.DecodeRequest(buf[:n])
	if err != nil {
		f.t.Error(err)
	}
	return request, fds
}

func (f *fake) reply(reply spec.Reply, fds ...int) {
	text, err := spec.EncodeReply(&reply)
	if err != nil {
		f.t.Error(err)
	}
	f.raw(text, fds...)
}

func (f *fake) raw(text []byte, fds ...int) {
	waitFor(f.fd, unix.POLLOUT)
	var control []byte
	if len(fds) > 0 {
		control = unix.UnixRights(fds...)
	}
	// The connection may be over, where the test is about that.
	_ = unix.Sendmsg(f.fd, text, control, nil, unix.MSG_NOSIGNAL)
}

// end waits until the client has closed the connection.
func (f *fake) end() {
	for {
		if request, fds := f.request(); request.ID == 0 {
			return
		} else {
			sys.CloseAll(fds)
		}
	}
}

// next is the next event of c.
func next(t *testing.T, c *Conn) Event {
	t.Helper()
	select {
	case event, open := <-c.Events():
		if !open {
			t.Fatal("the channel is closed")
		}
		return event
	case <-time.After(patience):
		t.Fatal("no event")
	}
	panic("not reached")
}

// wantEnd checks that c has nothing more to say.
func wantEnd(t *testing.T, c *Conn) {
	t.Helper()
	select {
	case event, open := <-c.Events():
		if open {
			t.Fatalf("one more event: %+v", event)
		}
	case <-time.After(patience):
		t.Fatal("the channel stays open")
	}
}

func openFDs(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
