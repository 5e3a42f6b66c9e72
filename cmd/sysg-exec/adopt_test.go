package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// knowsExits says whether this kernel tells the exits of strangers (Linux
// 6.15), found out with a grandchild.
func knowsExits(t *testing.T) bool {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	child, err := os.StartProcess("/bin/sh", []string{"sh", "-c", "(read x < /proc/self/fd/0; exit 3) & wait"},
		&os.ProcAttr{Files: []*os.File{r, nil, os.Stderr}})
	if err != nil {
		t.Fatal(err)
	}
	pidfd, err := sys.PidfdOpen(child.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	w.Close()
	_, _ = child.Wait()
	_, known, _, err := sys.ExitOfStranger(pidfd)
	if err != nil {
		t.Fatal(err)
	}
	return known
}

// A service that ends with a code when something is written to its FIFO.
const onCue = "echo up; read x < fifo; echo again; exit 21"

func cue(t *testing.T, dir string) {
	t.Helper()
	fifo, err := os.OpenFile(filepath.Join(dir, "fifo"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fifo.Close()
}

// The tests below are parallel since they wait for init to reap, which some
// inits do only every few seconds.

func TestServicesSurviveTheHelper(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		s, tail := service("s", onCue), service("tail", "(setsid sleep 600 &); exit 3")
		s.Dir = t.TempDir()
		if err := unix.Mkfifo(s.Dir+"/fifo", 0o600); err != nil {
			t.Fatal(err)
		}
		in := c.install(service("done", "exit 8"), s, tail)
		lives, done, rest := c.launch(in, "s"), c.launch(in, "done"), c.launch(in, "tail")
		c.over(done.id)
		c.exited(rest.id)
		readUntil(t, lives.out, "up")
		c.close()
		i.kill9()
		i.start()

		c = i.dial()
		all := c.list()
		one := all[lives.id]
		if one.Listed == nil || one.Listed.Record.PID != lives.pid || one.Listed.Record.Exited != nil || one.Listed.Record.Cgroup != lives.cgroup {
			t.Fatalf("the living one is listed as %+v", one.Listed)
		}
		if len(one.fds) != 3 {
			t.Fatalf("the living one has %d descriptors, want its pidfd and pipes", len(one.fds))
		}
		if r := all[done.id].Listed.Record; r.Exited == nil || r.Exited.Status != 8<<8 || !r.Emptied || len(all[done.id].fds) != 2 {
			t.Errorf("the ended one is listed as %+v", r)
		}
		if r := all[rest.id].Listed.Record; r.Exited == nil || r.Exited.Status != 3<<8 || r.Emptied {
			t.Errorf("the one with a rest is listed as %+v", r)
		}
		l := one.Listed.Record.Launch
		c.ask(spec.Request{Launch: &l})
		if p := c.answer(); p.Launched == nil || p.Launched.PID != lives.pid {
			t.Errorf("a repeated launch was answered by %+v", p.Reply)
		}

		cue(t, s.Dir)
		e := c.over(lives.id)
		if knowsExits(t) {
			if e.Unknown || e.Status != 21<<8 {
				t.Errorf("exited is %+v", e)
			}
		} else if !e.Unknown {
			t.Errorf("exited is %+v on a kernel that does not tell", e)
		}
		want(t, "output on the pipe that its supervisor kept", readAll(t, lives.out), "again\n")

		c.done(spec.Request{Kill: &spec.Kill{Incarnation: rest.id}})
		c.emptied(rest.id)
		c.done(spec.Request{Ack: &spec.Ack{Incarnations: []string{lives.id, done.id, rest.id}}})
		if left := c.list(); len(left) != 0 {
			t.Errorf("still there: %v", left)
		}
		if entries, _ := os.ReadDir(filepath.Join(i.state, "incarnations")); len(entries) != 0 {
			t.Errorf("records left: %v", entries)
		}
		if mode == "cgroup" {
			noLeaves(t, i)
		}
	})
}

func TestKillReachesAnAdoptedService(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		in := c.install(service("s", escaping+"trap '' TERM; while :; do sleep 600; done"))
		p := c.launch(in, "s")
		readUntil(t, p.out, "\n")
		c.close()
		i.kill9()
		i.start()
		c = i.dial()
		c.list()
		c.done(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
		if e := c.over(p.id); knowsExits(t) && e.Status != 9 {
			t.Errorf("exited is %+v", e)
		}
		if !alreadyDead(p.pid) {
			t.Errorf("%d lives", p.pid)
		}
	})
}

func TestAnEndWhileNobodyLookedIsToldOrUnknownButNeverGuessed(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		s := service("s", onCue)
		s.Dir = t.TempDir()
		if err := unix.Mkfifo(s.Dir+"/fifo", 0o600); err != nil {
			t.Fatal(err)
		}
		p := c.launch(c.install(s), "s")
		readUntil(t, p.out, "up")
		c.close()
		i.kill9()
		cue(t, s.Dir)
		// It is gone once nobody has its number any more.
		poll := []unix.PollFd{{Fd: int32(p.pidfd), Events: unix.POLLIN}}
		if n, err := sys.Poll(poll, int(patience.Milliseconds())); n != 1 {
			t.Fatalf("it did not end: %v", err)
		}
		i.start()
		c = i.dial()
		all := c.list()
		if one := all[p.id]; one.Listed == nil {
			t.Fatal("it is forgotten")
		} else if e := one.Listed.Record.Exited; e == nil {
			e = c.over(p.id) // Init had not reaped it yet.
			if !e.Unknown && e.Status != 21<<8 {
				t.Errorf("exited is %+v", e)
			}
		} else if !e.Unknown && e.Status != 21<<8 {
			t.Errorf("it is listed as %+v", e)
		}
	})
}

func TestARecordThatDoesNotFitIsNotBelieved(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	in := c.install(service("s", "exec sleep 600"))
	p := c.launch(in, "s")
	c.close()
	i.kill9()
	records := filepath.Join(i.state, "incarnations")
	text, err := os.ReadFile(filepath.Join(records, p.id+".json"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := decodeRecord(text)
	if err != nil {
		t.Fatal(err)
	}
	forge := func(old, new string) string {
		id := newIncarnation()
		forged := strings.ReplaceAll(strings.Replace(string(text), old, new, 1), p.id, id)
		if forged == strings.ReplaceAll(string(text), p.id, id) {
			t.Fatalf("%q is not in %s", old, text)
		}
		if err := os.WriteFile(filepath.Join(records, id+".json"), []byte(forged), 0o600); err != nil {
			t.Fatal(err)
		}
		return id
	}
	// The number of a process that is not the one: ours.
	anotherPID := forge(fmt.Sprintf(`"pid":%d`, p.pid), fmt.Sprintf(`"pid":%d`, os.Getpid()))
	anotherStart := forge(fmt.Sprintf(`"start_ticks":%d`, s.StartTicks), `"start_ticks":1`)
	anotherBoot := forge(`"boot":"`, `"boot":"x`)
	for name, text := range map[string]string{
		"garbage": "garbage", newIncarnation(): string(text), sys.TempPrefix + "x": "half",
	} {
		if err := os.WriteFile(filepath.Join(records, name+".json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	i.start()
	c = i.dial()
	all := c.list()
	for name, id := range map[string]string{"pid": anotherPID, "start": anotherStart} {
		if one := all[id]; one.Listed == nil || one.Listed.Record.Exited == nil || !one.Listed.Record.Exited.Unknown {
			t.Errorf("a record with another %s was taken for alive: %+v", name, one.Listed)
		}
		c.done(spec.Request{Kill: &spec.Kill{Incarnation: id}})
	}
	if _, listed := all[anotherBoot]; listed {
		t.Error("a record of another boot was believed")
	}
	if one := all[p.id]; one.Listed == nil || one.Listed.Record.Exited != nil {
		t.Errorf("the true one is listed as %+v", one.Listed)
	}
	if len(all) != 3 {
		t.Errorf("%d incarnations are listed", len(all))
	}
	if gone(p.pid) {
		t.Error("the true one was killed")
	}
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add([]byte(`{"record":{"launch":{"project":"p","generation":1,"hash":"` + strings.Repeat("0", 64) + `","service":"s","role":"main","incarnation":"` +
		strings.Repeat("0", 32) + `"},"pid":7,"started":"2026-01-02T03:04:05Z"},"boot":"b","start_ticks":5,"cgroup_id":9}`))
	f.Add([]byte(`{"record":{"launch":{"project":"p","generation":1,"hash":"` + strings.Repeat("0", 64) + `","service":"s","role":"child","incarnation":"` +
		strings.Repeat("0", 32) + `"},"pid":7,"started":"2026-01-02T03:04:05Z","child":{"parent":"` + strings.Repeat("1", 32) +
		`","name":"w","argv":["true"],"depth":1}},"boot":"b","start_ticks":5}`))
	f.Add([]byte(`{"record":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := decodeRecord(text)
		if err != nil {
			return
		}
		if !spec.ValidIncarnation(s.Record.Launch.Incarnation) || !spec.ValidName(s.Record.Launch.Project) || s.Record.PID < 1 {
			t.Errorf("accepted %+v", s)
		}
	})
}
