package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

func TestAnEarlierGenerationIsLaunchedUnderItsNewNumber(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	c.list()
	first := c.install(service("s", "echo one"))
	c.install(service("s", "echo two"))
	c.ask(spec.Request{Activate: &spec.Activate{Project: "test", Number: first.Number}})
	p := c.answer()
	if p.Installed == nil || p.Installed.Number != 3 || p.Installed.Hash != first.Hash || !p.Installed.Changed {
		t.Fatalf("answered by %+v %+v", p.Installed, p.Refused)
	}
	want(t, "what it says", readAll(t, c.launch(*p.Installed, "s").out), "one\n")
	for _, a := range []spec.Activate{{Project: "test", Number: 9}, {Project: "none", Number: 1}} {
		c.ask(spec.Request{Activate: &a})
		if p := c.answer(); p.Refused == nil || p.Refused.Reason != spec.ReasonUnknown {
			t.Errorf("%+v was answered by %+v", a, p.Reply)
		}
	}
}

func TestAProjectIsRemovedWhenNothingOfItLives(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		dir, port := t.TempDir(), freePort(t)
		s, lazy := service("s", "exec sleep 600"), service("lazy", "exit")
		s.Sockets = []generation.Socket{socketAt("x", generation.SocketUnix, dir+"/s")}
		lazy.Sockets = []generation.Socket{socketAt("web", generation.SocketTCP, "127.0.0.1:"+port)}
		in := c.install(lazy, s)
		p := c.launch(in, "s")
		c.listen(listenFor(in, "lazy", true))
		remove := func() packet {
			c.ask(spec.Request{Remove: &spec.Remove{Project: "test"}})
			return c.answer()
		}
		if a := remove(); a.Refused == nil || a.Refused.Reason != spec.ReasonBusy || !strings.Contains(a.Refused.Detail, `"s"`) {
			t.Errorf("while it runs, answered by %+v", a.Reply)
		}
		c.done(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
		c.over(p.id)
		if a := remove(); a.Done == nil {
			t.Fatalf("answered by %+v", a.Refused)
		}
		if _, err := os.Lstat(filepath.Join(i.state, "generations", "test")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("its folder: %v", err)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 0 {
			t.Errorf("its paths: %v", entries)
		}
		if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			conn.Close()
			t.Log("a copy of the test's own listens still")
		}
		l := request(in, "s")
		c.ask(spec.Request{Launch: &l})
		if a := c.answer(); a.Refused == nil || a.Refused.Reason != spec.ReasonUnknown {
			t.Errorf("a launch was answered by %+v", a.Reply)
		}
		if a := remove(); a.Refused == nil || a.Refused.Reason != spec.ReasonUnknown {
			t.Errorf("a second time, answered by %+v", a.Reply)
		}
		if again := c.install(service("s", "exit")); again.Number != 1 {
			t.Errorf("installed anew as %d", again.Number)
		}
	})
}
