package main

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/grant"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// These tests are sysgd after somebody has taken it over, and asks for what it
// may, and more and more of it.

// Of each command that root declared there is a fixed number of runs, however
// often it is asked for.
func TestAFloodOfLaunchesEndsAtAFewOfEachRole(t *testing.T) {
	i := startBuilt(t)
	var services []generation.LaunchService
	for _, name := range []string{"a", "b"} {
		s := runsAs(serviceUID, allRoles(name))
		for n := range s.Roles {
			s.Roles[n].Argv = []string{"/bin/sleep", "600"}
		}
		services = append(services, s)
	}
	in := i.dial().install(services...)
	c := i.dialDaemon()
	c.list()
	slot := func(l *spec.Launch) { l.Slot = new(int) }
	rounds := 3 * grant.MaxOfRole
	if os.Getenv("TORTURE") != "" {
		rounds = 1000
	}
	var launched []string
	for range rounds {
		for _, name := range []string{"a", "b"} {
			for _, role := range spec.Roles[:len(spec.Roles)-1] {
				p := c.launchAs(in, name, role, slot)
				switch {
				case p.Launched != nil:
					launched = append(launched, p.Launched.Incarnation)
				case p.Refused == nil || p.Refused.Reason != spec.ReasonBusy || !strings.Contains(p.Refused.Detail, string(role)+" of service"):
					t.Fatalf("%s of %s: %+v, %+v", role, name, p.Failed, p.Refused)
				}
			}
		}
	}
	if want := 2 * (len(spec.Roles) - 1) * grant.MaxOfRole; len(launched) != want {
		t.Errorf("%d were launched, want %d", len(launched), want)
	}
	if peak := i.peak(); peak > maxResident {
		t.Errorf("the helper has grown to %d KiB", peak>>10)
	} else {
		t.Logf("%d launched; %d KiB at most", len(launched), peak>>10)
	}
	// What is over makes room, also in a later helper, which counts what it finds.
	c.close()
	i.kill9()
	i.start()
	c = i.dialDaemon()
	c.list()
	if p := c.launchAs(in, "b", spec.RoleOnErr, slot); p.Refused == nil {
		t.Errorf("a later helper answers with %+v", p.Reply)
	}
	for _, id := range launched {
		c.done(spec.Request{Kill: &spec.Kill{Incarnation: id}})
	}
	for _, id := range launched {
		c.over(id)
	}
	if p := c.launchAs(in, "b", spec.RoleOnErr, slot); p.Launched == nil {
		t.Errorf("when all are over: %+v", p.Refused)
	}
}

// However many connections ask, and read no answer.
func TestPeersThatNeverReadCostLittle(t *testing.T) {
	i := startBuilt(t)
	i.alive()
	l := request(spec.Installed{Project: strings.Repeat("p", 40), Number: 1, Hash: strings.Repeat("0", 64)}, strings.Repeat("s", 40))
	text, err := spec.EncodeRequest(&spec.Request{ID: 7, Launch: &l})
	if err != nil {
		t.Fatal(err)
	}
	list, _ := spec.EncodeRequest(&spec.Request{ID: 8, List: &spec.List{}})
	for range maxConns {
		c := i.dialDaemon()
		_ = sys.SendPacket(c.fd, list, nil) // The receiver, until the next one is.
		err := error(nil)
		// One that is cut off costs nothing any more, so each stops before it is.
		for n := 0; n < maxUnsent && err == nil; n++ {
			for err = sys.SendPacket(c.fd, text, nil); errors.Is(err, sys.ErrWouldBlock); err = sys.SendPacket(c.fd, text, nil) {
				_, _ = sys.Poll([]unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLOUT}}, int(patience.Milliseconds()))
			}
		}
	}
	i.alive()
	if peak := i.peak(); peak > maxResident {
		t.Errorf("the helper has grown to %d KiB", peak>>10)
	} else {
		t.Logf("%d KiB at most", peak>>10)
	}
}

// What waits for a directory that does not answer is bounded, and watches nothing.
func TestWhatWaitsForADeadDirectoryIsBounded(t *testing.T) {
	dead, revive := deadMount(t)
	i := startSystem(t, "--launch-timeout", "1m")
	t.Cleanup(revive)
	s := runsAs(0, service("s", "exit"))
	s.Notify = true
	in := i.dial().install(s)
	s.Sockets = []generation.Socket{socketAt("x", generation.SocketUnix, dead+"/s")}
	c := i.dialDaemon()
	c.list()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	defer r.Close()
	c.ask(spec.Request{Keep: &spec.Keep{Of: &spec.Owner{Project: "test", Generation: in.Number, Hash: in.Hash, Service: "s"}, Name: "x"}}, int(w.Fd()))
	if p := c.answer(); p.Done == nil {
		t.Fatalf("keep was answered by %+v", p.Refused)
	}
	in = i.dial().install(s)
	l := request(in, "s")
	busy := func(ask func(), count int) {
		t.Helper()
		for range count {
			ask()
		}
		last := c.last
		if p := c.wait(func(p packet) bool { return p.ID == last }); p.Refused == nil || p.Refused.Reason != spec.ReasonBusy {
			t.Errorf("one too many was answered by %+v", p.Reply)
		}
	}
	busy(func() { c.ask(spec.Request{Launch: &l}) }, maxWaiters+1)
	busy(func() { c.ask(spec.Request{Listen: listenFor(in, "s", false)}) }, maxTurns+1)
	_, _ = r.Close(), w.Close() // What it holds has hung up, and waits for its turn, too.
	i.dial()                    // It has had a turn of its loop; a List would wait for the launch.
	before := i.cpu()
	time.Sleep(time.Second) // There is nothing to wait for: it must do nothing.
	if used := i.cpu() - before; used > 300*time.Millisecond {
		t.Errorf("it used %s of processor time within a second", used)
	}
	revive()
	for range maxWaiters + maxTurns { // Whatever has become of the directory.
		if _, err := c.receive(); err != nil {
			t.Fatal("the helper hung up")
		}
	}
	i.alive()
}

// The arguments of children, which services choose, are on record until sysgd
// has heard of their ends, if it ever does.
func TestTheArgumentsOfChildrenAreBounded(t *testing.T) {
	h, argv, count := &helper{incarnations: map[string]*incarnation{}}, []string{"echo", strings.Repeat("x", 60<<10)}, 0
	for ; h.argumentsFit(argv) == nil && count < maxIncarnations; count++ {
		h.incarnations[newIncarnation()] = &incarnation{record: spec.Record{Child: &spec.Child{Argv: argv}}}
	}
	if count != maxArguments/(60<<10+len("echo")) {
		t.Errorf("there is room for %d of 60 KiB", count)
	}
}
