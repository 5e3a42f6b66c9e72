package main

import (
	"testing"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// Nobody kept copies when the helper died, but the service runs with the
// sockets: the next helper has the very same ones, and no new ones.
func TestSocketsComeBackFromWhoRunsWithThem(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		dir, port := t.TempDir(), freePort(t)
		s := service("s", "exec sleep 600")
		s.Sockets = []generation.Socket{
			socketAt("ctl", generation.SocketUnix, dir+"/ctl"), socketAt("web", generation.SocketTCP, "127.0.0.1:"+port),
			socketAt("dns", generation.SocketUDP, "127.0.0.1:"+port), socketAt("seq", generation.SocketUnixPacket, dir+"/seq"),
		}
		in := c.install(s)
		c.launch(in, "s")
		before := c.listen(listenFor(in, "s", false)).fds
		c.close()
		i.kill9()
		i.start()
		c = i.dial()
		p := c.listen(listenFor(in, "s", false))
		if p.Listening == nil {
			t.Fatalf("answered by %+v", p.Refused)
		}
		for n, name := range p.Listening.Names {
			if !sys.SameFile(p.fds[n], before[n]) {
				t.Errorf("%s is another one", name)
			}
		}
		c.list() // It closes what it sent after it has answered.
		open := i.openFDs()
		c.listen(listenFor(in, "s", false))
		c.list()
		if left := i.openFDs(); left != open {
			t.Errorf("%d descriptors are open, then %d", open, left)
		}
	})
}

// What a service stored comes back to it by its name, as its incarnation is
// gone; but only to one that may store something.
func TestWhatIsStoredComesBackToAServiceWithoutIncarnation(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	c.list()
	s := service("s", listing)
	s.Notify = true
	in := c.install(s, service("mute", listing))
	r, _ := pipePair(t)
	keep := func(service string, generation int) packet {
		of := &spec.Owner{Project: "test", Generation: generation, Hash: in.Hash, Service: service}
		c.ask(spec.Request{Keep: &spec.Keep{Of: of, Name: "state"}}, r)
		return c.answer()
	}
	for name, a := range map[string]packet{"mute": keep("mute", in.Number), "nobody": keep("nobody", in.Number), "too old": keep("s", in.Number+1)} {
		if a.Refused == nil || a.Refused.Reason != spec.ReasonUnknown {
			t.Errorf("%s: answered by %+v", name, a.Reply)
		}
	}
	if a := keep("s", in.Number); a.Done == nil {
		t.Fatalf("answered by %+v", a.Refused)
	}
	p := c.launch(in, "s")
	want(t, "names", line(t, readUntil(t, p.out, "end\n"), "LISTEN_FDNAMES="), "state")
}
