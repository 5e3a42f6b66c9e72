package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/spec"
)

// A daemon of the old school: its first process says who goes on, and ends.
const daemonizes = `setsid sh -c 'echo "pid $$"; echo up; read x < fifo; exit 9' & read x < first; exit 0`

func TestTheEndOfTheMainProcessIsThatOfTheOneNamed(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		s := service("s", daemonizes)
		s.Dir = t.TempDir()
		for _, fifo := range []string{"fifo", "first"} {
			if err := unix.Mkfifo(s.Dir+"/"+fifo, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		in := c.install(s)
		p := c.launch(in, "s")
		pid, _ := strconv.Atoi(line(t, readUntil(t, p.out, "up\n"), "pid "))
		c.done(spec.Request{Main: &spec.Main{Incarnation: p.id, PID: pid}})
		if err := os.WriteFile(s.Dir+"/first", []byte("\n"), 0); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, func() bool { return alreadyDead(p.pid) })
		one := c.list()[p.id]
		if one.Listed.Record.PID != pid || one.Listed.Record.Exited != nil {
			t.Errorf("after the end of its first process it is listed as %+v", one.Listed.Record)
		}
		c.done(spec.Request{Signal: &spec.Signal{Incarnation: p.id, Signal: 18}}) // SIGCONT does no harm.
		cue(t, s.Dir)
		e := c.over(p.id)
		if knowsExits(t) && (e.Unknown || e.Status != 9<<8) {
			t.Errorf("exited is %+v", e)
		}
		c.done(spec.Request{Ack: &spec.Ack{Incarnations: []string{p.id}}})
		waitUntil(t, func() bool { return gone(p.pid) })
		if mode == "cgroup" {
			noLeaves(t, i)
		}
	})
}

// waitUntil waits for what nobody announces.
func waitUntil(t *testing.T, is func() bool) {
	t.Helper()
	for n := 0; !is(); n++ {
		if n > 2000 {
			t.Fatal("it does not come to be")
		}
		_, _ = unix.Poll(nil, 10)
	}
}

func TestOnlyAProcessOfItsOwnBecomesTheMainOne(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		in := c.install(service("other", "exec sleep 600"), service("s", "sleep 600 & echo $!; wait"))
		p, other := c.launch(in, "s"), c.launch(in, "other")
		child, _ := strconv.Atoi(strings.TrimSpace(readUntil(t, p.out, "\n")))
		for _, pid := range []int{1, os.Getpid(), i.command.Process.Pid, other.pid, 1 << 22} {
			c.ask(spec.Request{Main: &spec.Main{Incarnation: p.id, PID: pid}})
			if a := c.answer(); a.Refused == nil || a.Refused.Reason != spec.ReasonUnknown {
				t.Errorf("process %d became its main one: %+v", pid, a.Reply)
			}
		}
		c.done(spec.Request{Main: &spec.Main{Incarnation: p.id, PID: p.pid}})
		c.done(spec.Request{Main: &spec.Main{Incarnation: p.id, PID: child}})
		c.done(spec.Request{Signal: &spec.Signal{Incarnation: p.id, Signal: 15}})
		e := c.exited(p.id) // By the end of its child, not its own.
		if knowsExits(t) && e.Status != 15 {
			t.Errorf("exited is %+v", e)
		}
		c.ask(spec.Request{Main: &spec.Main{Incarnation: p.id, PID: p.pid}})
		if a := c.answer(); a.Refused == nil {
			t.Errorf("after its end: %+v", a.Reply)
		}
		c.done(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
	})
}

// However often a service changes its mind, it costs nothing.
func TestTheFirstMainProcessCanBeNamedAgain(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		s := service("s", "sleep 600 & echo $!; sleep 600 & echo $!; read x < fifo; exit 21")
		s.Dir = t.TempDir()
		if err := unix.Mkfifo(s.Dir+"/fifo", 0o600); err != nil {
			t.Fatal(err)
		}
		p := c.launch(c.install(s), "s")
		text := readUntil(t, p.out, "\n")
		for strings.Count(text, "\n") < 2 {
			text += readUntil(t, p.out, "\n")
		}
		lines := strings.Fields(text)
		one, _ := strconv.Atoi(lines[0])
		two, _ := strconv.Atoi(lines[1])
		name := func(pid int) { c.done(spec.Request{Main: &spec.Main{Incarnation: p.id, PID: pid}}) }
		name(one)
		before := i.openFDs()
		for range 20 {
			name(two)
			name(p.pid)
			name(one)
		}
		if after := i.openFDs(); after > before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
		name(p.pid)
		cue(t, s.Dir)
		if e := c.exited(p.id); e.Unknown || e.Status != 21<<8 {
			t.Errorf("exited is %+v", e)
		}
		c.done(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
		c.emptied(p.id)
		c.done(spec.Request{Ack: &spec.Ack{Incarnations: []string{p.id}}})
		waitUntil(t, func() bool { return gone(p.pid) })
	})
}

func TestTheNamedMainProcessIsAdopted(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		p := c.launch(c.install(service("s", "sleep 600 & echo $!; wait")), "s")
		child, _ := strconv.Atoi(strings.TrimSpace(readUntil(t, p.out, "\n")))
		c.done(spec.Request{Main: &spec.Main{Incarnation: p.id, PID: child}})
		c.close()
		i.kill9()
		i.start()
		c = i.dial()
		if one := c.list()[p.id]; one.Listed == nil || one.Listed.Record.PID != child || one.Listed.Record.Exited != nil {
			t.Fatalf("it is listed as %+v", one.Listed)
		}
		c.done(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
		if e := c.over(p.id); knowsExits(t) && e.Status != 9 {
			t.Errorf("exited is %+v", fmt.Sprintf("%+v", e))
		}
	})
}
