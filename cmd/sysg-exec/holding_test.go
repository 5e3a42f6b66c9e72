package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

func TestANewGenerationClosesWhatItDoesNotDeclare(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	c.list()
	dir, stays, goes := t.TempDir(), freePort(t), freePort(t)
	s := service("s", listing)
	s.Sockets = []generation.Socket{
		socketAt("old", generation.SocketUnix, dir+"/old"), socketAt("goes", generation.SocketTCP, "127.0.0.1:"+goes),
		socketAt("web", generation.SocketTCP, "127.0.0.1:"+stays),
	}
	p := c.launch(c.install(s), "s")
	text := readUntil(t, p.out, "end\n")
	web := line(t, text, "fd5 ")
	c.stopRun(p.id)
	s.Sockets = []generation.Socket{socketAt("renamed", generation.SocketTCP, "127.0.0.1:"+stays), socketAt("new", generation.SocketUnix, dir+"/new")}
	in := c.install(s)
	p = c.launch(in, "s")
	text = readUntil(t, p.out, "end\n")
	want(t, "names", line(t, text, "LISTEN_FDNAMES="), "renamed:new")
	want(t, "the socket that both declare", line(t, text, "fd3 "), web)
	if _, err := os.Lstat(dir + "/old"); err == nil {
		t.Error("the old path is left")
	}
	if _, err := os.Lstat(dir + "/new"); err != nil {
		t.Error(err)
	}
	if conn, err := net.Dial("tcp", "127.0.0.1:"+goes); err == nil {
		conn.Close()
		t.Error("the old port is still listened at")
	}
	c.stopRun(p.id)
	s.Sockets = nil
	p = c.launch(c.install(s), "s")
	if text = readUntil(t, p.out, "end\n"); strings.Contains(text, "LISTEN") || strings.Contains(text, "fd3") {
		t.Errorf("without sockets it is handed\n%s", text)
	}
}

// With a stale socket of its own, from a crash, a service starts again; with one
// at which somebody else listens it does not.
func TestAStalePathIsTakenOver(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	dir := t.TempDir()
	s := service("s", listing)
	s.Sockets = []generation.Socket{socketAt("x", generation.SocketUnix, dir+"/s")}
	in := c.install(s)
	held := c.listen(listenFor(in, "s", false))
	c.close()
	for _, fd := range held.fds { // Or it would still be listened at.
		_ = unix.Dup3(2, fd, unix.O_CLOEXEC)
	}
	i.kill9()
	i.start()
	c = i.dial()
	c.list()
	if p := c.listen(listenFor(in, "s", false)); p.Listening == nil {
		t.Fatalf("a stale path is in the way: %+v", p.Refused)
	}
	c.done(spec.Request{Unlisten: &spec.Unlisten{Project: "test", Service: "s"}})
	other, err := net.Listen("unix", dir+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if f := c.fails(in, "s"); f.Errno != int(unix.EADDRINUSE) || f.Stage != spec.StageSockets {
		t.Errorf("somebody else's: %+v", f)
	}
}

// pipePair is a pipe whose ends are closed with the test.
func pipePair(t *testing.T) (r, w int) {
	t.Helper()
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(ends[0]); _ = unix.Close(ends[1]) })
	return ends[0], ends[1]
}

func TestWhatAServiceStoresGoesToItsNextIncarnation(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		s := service("s", listing)
		s.Sockets = []generation.Socket{socketAt("web", generation.SocketTCP, "127.0.0.1:0")}
		in := c.install(s)
		p := c.launch(in, "s")
		r, w := pipePair(t)
		r2, w2 := pipePair(t)
		keep := func(name string, fds ...int) packet {
			c.ask(spec.Request{Keep: &spec.Keep{Incarnation: p.id, Name: name}}, fds...)
			return c.answer()
		}
		for range 2 { // The second time they are there already.
			if a := keep("client one", r, w); a.Done == nil {
				t.Fatalf("answered by %+v", a.Reply)
			}
		}
		keep("gone", r2)
		keep("dropped", w2)
		c.done(spec.Request{Drop: &spec.Drop{Incarnation: p.id, Name: "dropped"}})
		_ = unix.Close(w2) // Now the other side of "gone" has hung up.
		c.stopRun(p.id)
		p = c.launch(in, "s")
		text := readUntil(t, p.out, "end\n")
		want(t, "names", line(t, text, "LISTEN_FDNAMES="), "web:client one:client one")
		want(t, "LISTEN_FDS", line(t, text, "LISTEN_FDS="), "3")
		link, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", r))
		want(t, "what was stored", line(t, text, "fd4 "), link)
		c.stopRun(p.id)
		c.done(spec.Request{Unlisten: &spec.Unlisten{Project: "test", Service: "s"}})
		p = c.launch(in, "s")
		want(t, "names after unlisten", line(t, readUntil(t, p.out, "end\n"), "LISTEN_FDNAMES="), "web")
	})
}

func TestOnlySoMuchIsStored(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	c.list()
	s := service("s", "exec sleep 600")
	s.Roles = append(s.Roles, generation.Command{Role: spec.RoleOnStart, Argv: []string{"/bin/sleep", "600"}})
	in := c.install(s)
	p := c.launch(in, "s")
	before := i.openFDs()
	refused := 0
	for range 2*spec.MaxKept + 10 {
		_, w := pipePair(t)
		c.ask(spec.Request{Keep: &spec.Keep{Incarnation: p.id, Name: "x"}}, w)
		if a := c.answer(); a.Refused != nil {
			refused++
		}
	}
	if refused != spec.MaxKept+10 {
		t.Errorf("%d were refused", refused)
	}
	c.list() // It closes what came after it has answered.
	if now := i.openFDs(); now > before+spec.MaxKept {
		t.Errorf("it has %d descriptors, %d before", now, before)
	}
	c.done(spec.Request{Unlisten: &spec.Unlisten{Project: "test", Service: "s"}})
	c.list()
	if now := i.openFDs(); now != before {
		t.Errorf("it has %d descriptors after all, %d before", now, before)
	}
	hook := c.launchAs(in, "s", spec.RoleOnStart, nil)
	_, w := pipePair(t)
	for _, id := range []string{newIncarnation(), hook.Launched.Incarnation} {
		c.ask(spec.Request{Keep: &spec.Keep{Incarnation: id, Name: "x"}}, w)
		if a := c.answer(); a.Refused == nil || a.Refused.Reason != spec.ReasonUnknown {
			t.Errorf("answered by %+v", a.Reply)
		}
	}
}

// A directory that does not answer costs the service that wants a socket there
// its launch, and nobody else anything.
func TestASocketInADeadDirectoryHoldsUpNobody(t *testing.T) {
	t.Parallel()
	dead, revive := deadMount(t)
	limit := 400 * time.Millisecond
	i := startHelper(t, "--launch-timeout", limit.String())
	t.Cleanup(revive)
	c, other := i.dial(), i.dial()
	other.list()
	s := service("s", "exit")
	s.Sockets = []generation.Socket{socketAt("x", generation.SocketUnix, dead+"/s"), socketAt("web", generation.SocketTCP, "127.0.0.1:0")}
	in := c.install(s, service("well", "exit"))
	l := request(in, "s")
	begin := time.Now()
	c.ask(spec.Request{Launch: &l})
	launchID := c.last
	c.ask(spec.Request{Listen: listenFor(in, "s", false)})
	well := other.launch(in, "well")
	other.over(well.id)
	if took := time.Since(begin); took > limit {
		t.Errorf("another service took %s", took)
	}
	p := c.wait(func(p packet) bool { return p.ID == launchID })
	if p.Failed == nil || p.Failed.Stage != spec.StageSockets || !strings.Contains(p.Failed.Detail, limit.String()) {
		t.Errorf("answered by %+v", p.Reply)
	}
	if p := c.answer(); p.Refused == nil {
		t.Errorf("the listen was answered by %+v", p.Reply)
	}
	i.alive()
}
