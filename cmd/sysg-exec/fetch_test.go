package main

import (
	"testing"

	"systemg.org/sysg/pkg/generation"
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
		open := i.openFDs()
		c.listen(listenFor(in, "s", false))
		if left := i.openFDs(); left != open {
			t.Errorf("%d descriptors are open, then %d", open, left)
		}
	})
}
