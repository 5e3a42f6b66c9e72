package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// Whatever comes on spawn.sock: nothing is started, nothing is kept, and
// everybody else is served.
func TestWhatIsNoRequestForAChildIsAnsweredAndForgotten(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	c.list()
	in := c.install(spawning("s", "sleep 600 & echo $!; wait", generation.Spawn{Children: 9, Depth: 1, Descendants: 9}))
	p := c.launch(in, "s")
	readUntil(t, p.out, "\n")
	before := i.openFDs()
	ours := fmt.Sprintf(`,"parent_pid":%d}`, p.pid)
	for name, frame := range map[string]string{
		"garbage":          "\x00\x01",
		"half":             `{"name":"x"`,
		"a request":        `{"id":1,"list":{}}`,
		"a user":           `{"name":"x","argv":["id"],"user":0` + ours,
		"a path for name":  `{"name":"../../x","argv":["id"]` + ours,
		"a NUL":            `{"name":"x","argv":["a\u0000b"]` + ours,
		"huge":             `{"name":"x","argv":["` + strings.Repeat("x", 60<<10) + `"]` + ours,
		"nobody":           `{"name":"x","argv":["id"],"parent_pid":1}`,
		"a negative":       `{"name":"x","argv":["id"],"parent_pid":-1}`,
		"a thread's clone": `{"name":"x","argv":["id"],"parent_pid":4194304}`,
	} {
		text, err := askSpawn(i.spawnSocket(), []byte(frame))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r := answerOf(t, string(text)); r.Error == "" {
			t.Errorf("%s was answered by %+v", name, r)
		}
	}
	if text, err := askSpawn(i.spawnSocket(), []byte(`{"name":"x","argv":["id"]`+ours), 2, 2); err != nil || answerOf(t, string(text)).Error == "" {
		t.Errorf("with descriptors it was answered by %s, %v", text, err)
	}
	if all := c.list(); len(all) != 1 {
		t.Errorf("%d incarnations", len(all))
	}
	if after := i.openFDs(); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// Idle connections to spawn.sock keep nobody out.
func TestIdleAskersKeepNobodyOut(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	c.list()
	in := c.install(spawning("s", "exec sleep 600", generation.Spawn{Children: 9, Depth: 1, Descendants: 9}))
	p := c.launch(in, "s")
	before := i.openFDs()
	for range 3 * maxAskers {
		fd, err := sys.DialPacket(i.spawnSocket())
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
	}
	text, err := askSpawn(i.spawnSocket(), fmt.Appendf(nil, `{"name":"x","argv":["/bin/true"],"parent_pid":%d}`, p.pid))
	if err != nil || answerOf(t, string(text)).Error != "" {
		t.Errorf("answered by %s, %v", text, err)
	}
	c.list()
	if after := i.openFDs(); after > before+2*maxAskers+10 {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// A child is of its service after the death of the helper, too, and is counted.
func TestChildrenSurviveTheHelper(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		long := spec.Spawn{Name: "w", Argv: []string{"/bin/sh", "-c", "exec sleep 600", strings.Repeat("x", 12<<10)}}
		in := c.install(spawning("s", asksFor(long)+"; exec sleep 600", generation.Spawn{Children: 1, Depth: 1, Descendants: 1}))
		p := c.launch(in, "s")
		child := answerOf(t, readUntil(t, p.out, "\n"))
		c.close()
		i.kill9()
		i.start()
		c = i.dial()
		all := c.list()
		one := all[child.Incarnation]
		if one.Listed == nil || one.Listed.Record.PID != child.PID || one.Listed.Record.Child == nil || one.Listed.Record.Exited != nil ||
			one.Listed.Record.Child.Parent != p.id || !slices.Equal(one.Listed.Record.Child.Argv, long.Argv) {
			t.Fatalf("it is listed as %+v", one.Listed)
		}
		text, err := askSpawn(i.spawnSocket(), fmt.Appendf(nil, `{"name":"x","argv":["/bin/true"],"parent_pid":%d}`, p.pid))
		if err != nil || answerOf(t, string(text)).Limit != "children" {
			t.Errorf("a second one was answered by %s, %v", text, err)
		}
		c.done(spec.Request{Kill: &spec.Kill{Incarnation: child.Incarnation}})
		c.over(child.Incarnation)
		c.done(spec.Request{Ack: &spec.Ack{Incarnations: []string{child.Incarnation}}})
		if _, err := os.Stat(filepath.Join(i.state, "incarnations", child.Incarnation+".json")); err == nil {
			t.Error("its record is left")
		}
	})
}

// A child whose program is not there is refused, and nothing of it is left.
func TestAChildThatCannotBeStartedIsNone(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		in := c.install(spawning("s", "exec sleep 600", generation.Spawn{Children: 9, Depth: 1, Descendants: 9}))
		p := c.launch(in, "s")
		text, err := askSpawn(i.spawnSocket(), fmt.Appendf(nil, `{"name":"x","argv":["/no/such/program"],"parent_pid":%d}`, p.pid))
		if r := answerOf(t, string(text)); err != nil || !strings.Contains(r.Error, "/no/such/program") || !strings.Contains(r.Error, "exec") {
			t.Errorf("answered by %s, %v", text, err)
		}
		if all := c.list(); len(all) != 1 {
			t.Errorf("%d incarnations are left", len(all))
		}
		for _, p := range c.pending {
			if p.Spawned != nil {
				t.Errorf("it was told of: %+v", p.Spawned)
			}
		}
	})
}

// Wrong numbers of descriptors end the connection, and none of them stays.
func TestSocketMessagesWithOtherDescriptorsEndTheirConnection(t *testing.T) {
	i := startHelper(t)
	keeper := i.dial()
	keeper.list()
	s := service("s", "exec sleep 600")
	s.Sockets = []generation.Socket{socketAt("web", generation.SocketTCP, "127.0.0.1:0")}
	in := keeper.install(s)
	p := keeper.launch(in, "s")
	before := i.openFDs()
	for name, r := range map[string]struct {
		request spec.Request
		fds     []int
	}{
		"listen with one too many": {spec.Request{Listen: listenFor(in, "s", false)}, []int{2}},
		"listen with one too few":  {spec.Request{Listen: listenFor(in, "s", false, "web")}, nil},
		"keep without any":         {spec.Request{Keep: &spec.Keep{Incarnation: p.id, Name: "x"}}, nil},
		"drop with one":            {spec.Request{Drop: &spec.Drop{Incarnation: p.id, Name: "x"}}, []int{2}},
		"main with one":            {spec.Request{Main: &spec.Main{Incarnation: p.id, PID: p.pid}}, []int{2}},
		"unlisten with one":        {spec.Request{Unlisten: &spec.Unlisten{Project: "test", Service: "s"}}, []int{2}},
		"remove with one":          {spec.Request{Remove: &spec.Remove{Project: "test"}}, []int{2}},
		"activate with one":        {spec.Request{Activate: &spec.Activate{Project: "test", Number: 1}}, []int{2}},
	} {
		c := i.dial()
		c.send(r.request, r.fds...)
		p, err := c.receive()
		if err != nil || p.Refused == nil || p.Refused.Reason != spec.ReasonProtocol {
			t.Errorf("%s was answered by %+v, %v", name, p.Reply, err)
		}
		c.close()
	}
	keeper.list()
	if after := i.openFDs(); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// A peer that asks for sockets and never reads its answers is cut off, and what
// was copied for it is closed.
func TestCopiesForAPeerThatDoesNotReadAreClosed(t *testing.T) {
	i := startHelper(t)
	keeper := i.dial()
	keeper.list()
	s := service("s", "exec sleep 600")
	for n := range 8 {
		s.Sockets = append(s.Sockets, socketAt(fmt.Sprintf("s%d", n), generation.SocketTCP, "127.0.0.1:0"))
	}
	in := keeper.install(s)
	keeper.launch(in, "s")
	before := i.openFDs()
	c, cut := i.dial(), false
	for n := range 3000 {
		request := spec.Request{ID: uint64(n) + 100, Listen: listenFor(in, "s", false)}
		text, err := spec.EncodeRequest(&request)
		if err != nil {
			t.Fatal(err)
		}
		err = sys.SendPacket(c.fd, text, nil)
		for errors.Is(err, sys.ErrWouldBlock) {
			_, _ = sys.Poll([]unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLOUT}}, int(patience.Milliseconds()))
			err = sys.SendPacket(c.fd, text, nil)
		}
		if err != nil {
			cut = true
			break
		}
	}
	if !cut {
		t.Error("it was not cut off")
	}
	c.close()
	for end := time.Now().Add(patience); i.openFDs() > before; {
		if time.Now().After(end) {
			t.Fatalf("%d descriptors before, %d after", before, i.openFDs())
		}
		keeper.list()
	}
}
