package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

func TestExitsAreReportedAsTheyHappened(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		in := c.install(
			service("code", "exit 42"), service("ok", "exit 0"), stagedService("staged", "exit 7"),
			service("signal", "kill -USR1 $$; sleep 60"), service("busy", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"))
		for _, test := range []struct {
			service string
			status  uint32
		}{{"code", 42 << 8}, {"ok", 0}, {"staged", 7 << 8}, {"signal", 10}} {
			p := c.launch(in, test.service)
			e := c.over(p.id)
			if e.Status != test.status || e.Unknown {
				t.Errorf("%s: exited is %+v, want status %d", test.service, e, test.status)
			}
			if !gone(p.pid) {
				t.Errorf("%s: process %d was not reaped", test.service, p.pid)
			}
		}
		e := c.over(c.launch(in, "busy").id)
		if e.Usage.UserMicros < 1000 || e.Usage.MaxRSS < 100<<10 || e.At.IsZero() {
			t.Errorf("usage of a busy process is %+v", e.Usage)
		}
	})
}

// A process that left its parent, its session, and ignores SIGTERM.
const escaping = `(trap '' TERM HUP; setsid sh -c 'trap "" TERM; echo $$; while :; do sleep 60; done' &); `

func TestKillEndsWhatDoubleForkedAndEmptiedComesLast(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		in := c.install(service("s", "trap '' TERM; "+escaping+"while :; do sleep 60; done"))
		p := c.launch(in, "s") // Both are deaf by the time that one has spoken.
		escaped, err := strconv.Atoi(strings.TrimSpace(readUntil(t, p.out, "\n")))
		if err != nil {
			t.Fatal(err)
		}
		c.done(spec.Request{Signal: &spec.Signal{Incarnation: p.id, Signal: 15}})
		c.done(spec.Request{Signal: &spec.Signal{Incarnation: p.id, Signal: 15, Group: true}})
		if gone(p.pid) || gone(escaped) {
			t.Fatal("SIGTERM was to be ignored")
		}
		c.done(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
		if e := c.over(p.id); e.Status != 9 {
			t.Errorf("exited is %+v", e)
		}
		if !gone(p.pid) || !alreadyDead(escaped) {
			t.Errorf("emptied, but %d or %d lives", p.pid, escaped)
		}
		if mode == "cgroup" {
			c.done(spec.Request{Ack: &spec.Ack{Incarnations: []string{p.id}}})
			noLeaves(t, i)
		}
	})
}

// alreadyDead also takes a zombie that its parent, init, has yet to reap.
func alreadyDead(pid int) bool {
	stat, err := sys.ReadProcStat(pid)
	return err != nil || stat.Zombie()
}

func TestMainMayEndBeforeTheRestDoes(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		in := c.install(service("s", escaping+"read x < /dev/null; sleep 0.05; exit 5"))
		p := c.launch(in, "s")
		escaped, err := strconv.Atoi(strings.TrimSpace(readUntil(t, p.out, "\n")))
		if err != nil {
			t.Fatal(err)
		}
		if e := c.exited(p.id); e.Emptied || e.Status != 5<<8 {
			t.Errorf("exited is %+v, but %d lives", e, escaped)
		}
		c.done(spec.Request{Ack: &spec.Ack{Incarnations: []string{p.id}}})
		if _, listed := c.list()[p.id]; !listed {
			t.Fatal("an Ack made it forget an incarnation that is not empty")
		}
		c.done(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
		c.emptied(p.id)
		if !alreadyDead(escaped) {
			t.Errorf("emptied, but %d lives", escaped)
		}
	})
}

func TestTheRestMayEndByItself(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		s := service("s", "(setsid sh -c 'echo up; read x < fifo' &); exit 0")
		s.Dir = t.TempDir()
		if err := unix.Mkfifo(s.Dir+"/fifo", 0o600); err != nil {
			t.Fatal(err)
		}
		p := c.launch(c.install(s), "s")
		if e := c.exited(p.id); e.Emptied {
			t.Fatal("emptied while a child of it waits")
		}
		readUntil(t, p.out, "up")
		fifo, err := os.OpenFile(s.Dir+"/fifo", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		fifo.Close()
		c.emptied(p.id)
	})
}

func TestSignalsReachMainOrAll(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		in := c.install(service("s", `trap 'echo main got it' USR1
			sh -c 'trap "echo child got it; exit" USR1; echo ready; while :; do sleep 0.05; done' &
			child=$!; while kill -0 $child 2>/dev/null; do wait; done; echo over`))
		p := c.launch(in, "s")
		readUntil(t, p.out, "ready")
		c.done(spec.Request{Signal: &spec.Signal{Incarnation: p.id, Signal: int(syscall.SIGUSR1)}})
		if text := readUntil(t, p.out, "got it"); strings.Contains(text, "child") {
			t.Errorf("the child got a signal that was for main: %q", text)
		}
		c.done(spec.Request{Signal: &spec.Signal{Incarnation: p.id, Signal: int(syscall.SIGUSR1), Group: true}})
		if text := readUntil(t, p.out, "over"); !strings.Contains(text, "child") {
			t.Errorf("the child did not get a signal for all: %q", text)
		}
		c.over(p.id)
		for _, r := range []spec.Request{
			{Signal: &spec.Signal{Incarnation: p.id, Signal: 15}},
			{Signal: &spec.Signal{Incarnation: p.id, Signal: 15, Group: true}},
			{Kill: &spec.Kill{Incarnation: p.id}},
		} {
			c.done(r) // Of one that has ended: nothing to do, no error.
		}
	})
}

func TestLaunchIsIdempotent(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		in := c.install(service("s", "echo one; exec sleep 60"), service("t", "exec sleep 60"))
		l := request(in, "s")
		first, second := c.send(spec.Request{Launch: &l}), c.send(spec.Request{Launch: &l})
		a := c.wait(func(p packet) bool { return p.ID == first })
		b := c.wait(func(p packet) bool { return p.ID == second })
		c.ask(spec.Request{Launch: &l})
		again := c.answer()
		for _, p := range []packet{a, b, again} {
			if p.Launched == nil || p.Launched.PID != a.Launched.PID || len(p.fds) != 3 {
				t.Fatalf("answered by %+v with %d descriptors", p.Reply, len(p.fds))
			}
		}
		want(t, "output", readUntil(t, again.fds[1], "\n"), "one\n")

		other := l
		other.Service = "t"
		c.ask(spec.Request{Launch: &other})
		if p := c.answer(); p.Refused == nil || p.Refused.Reason != spec.ReasonInvalid {
			t.Errorf("the incarnation of another service was answered by %+v", p.Reply)
		}
		c.done(spec.Request{Kill: &spec.Kill{Incarnation: l.Incarnation}})
		c.over(l.Incarnation)
		c.ask(spec.Request{Launch: &l})
		if p := c.answer(); p.Launched == nil || p.Launched.PID != a.Launched.PID || len(p.fds) != 3 {
			t.Errorf("a launch of what has ended was answered by %+v with %d descriptors", p.Reply, len(p.fds))
		}
	})
}

func TestAnotherConnectionFindsEverything(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		s := service("lives", "echo before; read x < fifo; echo after; exec sleep 60")
		s.Dir = t.TempDir()
		if err := unix.Mkfifo(s.Dir+"/fifo", 0o600); err != nil {
			t.Fatal(err)
		}
		in := c.install(service("ends", "echo last words; exit 9"), s)
		lives, ends := c.launch(in, "lives"), c.launch(in, "ends")
		readUntil(t, lives.out, "before")
		c.over(ends.id)
		c.close()

		fifo, err := os.OpenFile(s.Dir+"/fifo", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		fifo.Close()

		c = i.dial()
		all := c.list()
		if len(all) != 2 {
			t.Fatalf("list has %d incarnations", len(all))
		}
		one := all[lives.id]
		if r := one.Listed.Record; r.PID != lives.pid || r.Exited != nil || r.Launch.Service != "lives" || r.Cgroup != lives.cgroup {
			t.Errorf("the living one is listed as %+v", r)
		}
		if len(one.fds) != 3 {
			t.Fatalf("the living one has %d descriptors", len(one.fds))
		}
		if err := sys.PidfdSignal(one.fds[0], 0); err != nil {
			t.Errorf("its first descriptor is no pidfd: %v", err)
		}
		readUntil(t, one.fds[1], "after")

		one = all[ends.id]
		if r := one.Listed.Record; r.Exited == nil || r.Exited.Status != 9<<8 || !r.Emptied {
			t.Errorf("the ended one is listed as %+v", r)
		}
		if len(one.fds) != 2 {
			t.Fatalf("the ended one has %d descriptors", len(one.fds))
		}
		want(t, "output of the ended one", readAll(t, one.fds[0]), "last words\n")

		// It is told until it is acknowledged, and events come here now.
		if _, listed := c.list()[ends.id]; !listed {
			t.Error("an exit that nobody acknowledged is forgotten")
		}
		c.done(spec.Request{Ack: &spec.Ack{Incarnations: []string{ends.id, newIncarnation()}}})
		if _, listed := c.list()[ends.id]; listed {
			t.Error("an acknowledged exit is still there")
		}
		c.done(spec.Request{Kill: &spec.Kill{Incarnation: lives.id}})
		c.over(lives.id)
	})
}

func TestEventsGoToTheLastWhoAsked(t *testing.T) {
	i := startHelper(t)
	old, young := i.dial(), i.dial()
	old.list()
	in := young.install(service("s", "exit 1"))
	young.list()
	p := young.launch(in, "s")
	young.over(p.id)
	old.list()
	for _, p := range old.pending {
		t.Errorf("the earlier receiver got %+v", p.Reply)
	}
}

// A List waits for a launch in flight: it could not be told of as it is, and
// left out it would be launched a second time.
func TestListWaitsForALaunchInFlight(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	var services []string
	in := c.install(stagedService("s", "exec sleep 60"))
	for range 20 {
		l := request(in, "s")
		c.ask(spec.Request{Launch: &l})
		services = append(services, l.Incarnation)
	}
	all := c.list()
	for _, id := range services {
		if one := all[id]; one.Listed == nil || one.Listed.Record.PID == 0 || len(one.fds) != 3 {
			t.Fatalf("%s is missing from the list of %d", id, len(all))
		}
	}
}

func TestLaunchIsRefusedWithoutItsGeneration(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	in := c.install(service("s", "exit"))
	for name, edit := range map[string]func(*spec.Launch){
		"project":    func(l *spec.Launch) { l.Project = "other" },
		"generation": func(l *spec.Launch) { l.Generation = 7 },
		"hash":       func(l *spec.Launch) { l.Hash = strings.Repeat("0", 64) },
		"service":    func(l *spec.Launch) { l.Service = "t" },
		"role":       func(l *spec.Launch) { l.Role = spec.RoleHealth },
	} {
		l := request(in, "s")
		edit(&l)
		c.ask(spec.Request{Launch: &l})
		if p := c.answer(); p.Refused == nil || p.Refused.Reason != spec.ReasonUnknown {
			t.Errorf("another %s was answered by %+v", name, p.Reply)
		}
	}
	noLeaves(t, i)
}

func TestInstallIsOnceForOneContent(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	first := c.install(service("s", "exit"))
	if first.Number != 1 || !first.Changed {
		t.Errorf("first install: %+v", first)
	}
	if again := c.install(service("s", "exit")); again.Number != 1 || again.Changed {
		t.Errorf("same content: %+v", again)
	}
	second := c.install(service("s", "exit 1"))
	if second.Number != 2 || !second.Changed {
		t.Errorf("other content: %+v", second)
	}
	// The predecessor may still be launched, what came before it not.
	c.launch(first, "s")
	c.install(service("s", "exit 2"))
	l := request(first, "s")
	c.ask(spec.Request{Launch: &l})
	if p := c.answer(); p.Refused == nil {
		t.Errorf("an old generation was launched: %+v", p.Reply)
	}
}

// Orphans of services become the helper's children where it is a subreaper.
func TestOrphansAreReaped(t *testing.T) {
	i := startHelper(t, "--containment", "session")
	c := i.dial()
	c.list()
	in := c.install(service("s", "for i in 1 2 3 4 5; do (sleep 0.01 & ); done; echo ready; exec sleep 60"))
	p := c.launch(in, "s")
	readUntil(t, p.out, "ready")
	self := i.command.Process.Pid
	zombies := func() (found []int) {
		all, _, err := processTable()
		if err != nil {
			t.Fatal(err)
		}
		for pid, stat := range all {
			command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if stat.Parent == self && !strings.Contains(string(command), "hold") {
				found = append(found, pid)
			}
		}
		return found
	}
	for children := zombies(); len(children) > 1; children = zombies() {
		poll := []unix.PollFd{}
		for _, pid := range children {
			if pid == p.pid {
				continue
			}
			if pidfd, err := sys.PidfdOpen(pid); err == nil {
				defer unix.Close(pidfd)
				poll = append(poll, unix.PollFd{Fd: int32(pidfd), Events: unix.POLLHUP})
			}
		}
		if n, err := sys.Poll(poll, 5000); err == nil && n == 0 && len(poll) > 0 {
			t.Fatalf("orphans %v of the helper are not reaped", children)
		}
	}
}

// A process that ends has no environment any more, and so no mark, while it still
// closes what it has open. This one has as much open as it may.
func TestWhoIsSlowToEndIsWaitedFor(t *testing.T) {
	i := startHelper(t, "--containment", "session")
	c := i.dial()
	c.list()
	const slow = `ulimit -n $(ulimit -Hn); setsid perl -e '
		while (pipe(my $r, my $w)) { push @open, $r, $w } $| = 1; print "$$\n"; sleep 1000' & sleep 1000`
	p := c.launch(c.install(service("s", slow)), "s")
	escaped, err := strconv.Atoi(strings.TrimSpace(readUntil(t, p.out, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	c.done(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
	c.over(p.id)
	if !alreadyDead(escaped) {
		t.Errorf("emptied, but %d lives", escaped)
	}
}
