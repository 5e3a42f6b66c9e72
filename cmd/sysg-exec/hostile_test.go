package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// These tests are services and clients that mean harm, or a machine that has
// run out of something. Each one has succeeded once.

// Children that come and go must not keep a signal from the others: some are
// gone between the look and the signal.
func TestSignalsReachAServiceWhoseChildrenComeAndGo(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		in := c.install(service("s", "for n in 1 2 3; do (while :; do /bin/true; done) & done; echo up; wait"))
		p := c.launch(in, "s")
		readUntil(t, p.out, "up")
		for range 200 {
			c.done(spec.Request{Signal: &spec.Signal{Incarnation: p.id, Signal: int(unix.SIGCONT), Group: true}})
		}
		c.done(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
		c.over(p.id)
		atEnd(t, p.out)
	})
}

// A chain of processes, each of which forks the next and ends, runs ahead of
// whoever lists them. While a link lives, the incarnation is not empty.
func TestAChainOfForksIsNotEmpty(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		stop := filepath.Join(t.TempDir(), "stop")
		t.Cleanup(func() { _ = os.WriteFile(stop, nil, 0o600) })
		chain := `$| = 1; print "up\n"; exit 0 if fork; until (-e "` + stop + `") { my $next = fork; exit 0 if $next; last unless defined $next }`
		p := c.launch(c.install(program("s", "perl", "-e", chain)), "s")
		readUntil(t, p.out, "up")
		if e := c.exited(p.id); e.Emptied {
			atEnd(t, p.out)
		}
		for begin := time.Now(); time.Since(begin) < 300*time.Millisecond; {
			i.alive() // Ours is the receiver no more, so this is a look at the list.
			if r := i.record(p.id); r.Emptied {
				atEnd(t, p.out)
				return
			}
		}
		c = i.dial()
		c.list()
		c.done(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
		if mode == "session" { // Which cannot hit what is faster than it.
			_ = os.WriteFile(stop, nil, 0o600)
		}
		c.emptied(p.id)
		atEnd(t, p.out)
	})
}

// record is what a List tells of an incarnation.
func (i *instance) record(id string) spec.Record {
	i.t.Helper()
	c := i.dial()
	defer c.close()
	p, listed := c.list()[id]
	if !listed {
		i.t.Fatalf("incarnation %s is not listed", id)
	}
	return *p.Listed.Record
}

// atEnd fails if anybody can still write to a pipe.
func atEnd(t *testing.T, fd int) {
	t.Helper()
	for buf := make([]byte, 64<<10); ; {
		n, err := sys.Read(fd, buf)
		if err != nil {
			t.Fatalf("it is said to be empty, but somebody holds its output: %v", err)
		}
		if n == 0 {
			return
		}
	}
}

// With few descriptors some launches are refused, but each is answered, and
// each that began is followed to its end.
func TestWithoutDescriptorsNothingIsForgotten(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		i.alive()
		i.kill9()
		i.wrap = []string{"prlimit", "--nofile=260:260"}
		i.start()
		c := i.dial()
		c.list()
		in := c.install(service("s", "sleep 600 & wait"), stagedService("staged", "sleep 600 & wait"))
		var launched []string
		for n := range 60 {
			l := request(in, []string{"s", "staged"}[n%2])
			c.ask(spec.Request{Launch: &l})
			if p := c.answer(); p.Launched != nil {
				launched = append(launched, p.Launched.Incarnation)
			}
		}
		if len(launched) < 2 || len(launched) == 60 {
			t.Fatalf("%d of 60 were launched", len(launched))
		}
		t.Logf("%d of 60 were launched", len(launched))
		for _, id := range launched {
			c.done(spec.Request{Kill: &spec.Kill{Incarnation: id}})
		}
		for _, id := range launched {
			c.over(id)
		}
		c.done(spec.Request{Ack: &spec.Ack{Incarnations: launched}})
		if left := c.list(); len(left) != 0 {
			t.Errorf("left: %v", left)
		}
		c.done(spec.Request{Quit: &spec.Quit{}})
	})
}

// peak is the most memory that the helper ever had, in bytes.
func (i *instance) peak() int {
	i.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", i.command.Process.Pid))
	if err != nil {
		i.t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	number, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	size, err := strconv.Atoi(number)
	if err != nil {
		i.t.Fatal(err)
	}
	return size << 10
}

// Many large generations at once cost the memory of one.
func TestAFloodOfLargeInstallsIsTakenOneByOne(t *testing.T) {
	t.Parallel()
	i := startHelper(t)
	c := i.dial()
	// One string, all of it: the most that decoding can be made to copy.
	text := []byte(`{"supervise":{"name":"` + strings.Repeat("x", spec.MaxGeneration-64) + `"}}`)
	fd, err := sys.SealedMemfd("flood", text)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	count := 5
	if raced { // Each takes half a minute then.
		count = 2
	}
	for range count {
		c.ask(spec.Request{Install: &spec.Install{}}, fd)
	}
	for range count {
		// Each takes its time, most of all with the race detector.
		poll := []unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLIN}}
		if n, err := sys.Poll(poll, int(time.Minute.Milliseconds())); n != 1 {
			t.Fatalf("no answer: %v", err)
		}
		p, err := c.receive()
		if err != nil || p.Refused == nil {
			t.Fatalf("answered by %+v, %v", p.Reply, err)
		}
	}
	if peak := i.peak(); peak > 900<<20 {
		t.Errorf("the helper has had %d MiB", peak>>20)
	} else {
		t.Logf("%d MiB", peak>>20)
	}
}

// A launcher that hangs for good in an env file must not keep the others'
// garbage.
func TestMemoryStaysBoundedWhileALauncherHangs(t *testing.T) {
	t.Parallel()
	dead, revive := deadMount(t)
	i := startHelper(t, "--launch-timeout", "50ms")
	t.Cleanup(revive)
	c := i.dial()
	hanging := service("hangs", "exit")
	hanging.Layers = []generation.Layer{{File: dead + "/env"}}
	c.fails(c.install(hanging), "hangs")
	for range 60_000 {
		c.ask(spec.Request{Kill: &spec.Kill{Incarnation: "0123456789abcdef0123456789abcdef"}})
		c.answer()
	}
	if rss := i.rss(); rss > 60<<20 {
		t.Errorf("the helper has grown to %d MiB", rss>>20)
	}
}

// cpu is the processor time that the helper has used.
func (i *instance) cpu() time.Duration {
	i.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", i.command.Process.Pid))
	if err != nil {
		i.t.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndex(string(text), ")"):]))
	user, _ := strconv.Atoi(fields[12])
	system, _ := strconv.Atoi(fields[13])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// A debugger may keep a process that has ended from its parent for as long as
// it likes: its pidfd is readable all the while, and waitid has nothing.
func TestADebuggerThatKeepsAnExitCostsNothing(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		p := c.launch(c.install(service("s", "exec sleep 600")), "s")
		release, seized := make(chan struct{}), make(chan error)
		go func() {
			runtime.LockOSThread() // The tracer is a thread, and dies with us.
			_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(p.pid), 0, 0, 0, 0)
			if errno != 0 {
				seized <- errno
				return
			}
			seized <- nil
			<-release
			_, _ = unix.Wait4(p.pid, nil, unix.WALL, nil)
		}()
		if err := <-seized; err != nil {
			t.Fatal(err)
		}
		if err := sys.PidfdSignal(p.pidfd, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		poll := []unix.PollFd{{Fd: int32(p.pidfd), Events: unix.POLLIN}}
		if n, err := sys.Poll(poll, int(patience.Milliseconds())); n != 1 {
			t.Fatalf("it did not end: %v", err)
		}
		before := i.cpu()
		time.Sleep(time.Second) // There is nothing to wait for: it must do nothing.
		if used := i.cpu() - before; used > 300*time.Millisecond {
			t.Errorf("it used %s of processor time within a second", used)
		}
		close(release)
		if e := c.over(p.id); e.Status != 9 || e.Unknown {
			t.Errorf("exited is %+v", e)
		}
	})
}

// Whoever reads what the helper says may go: services must not lose their
// parent by that.
func TestItSurvivesTheReaderOfItsMessages(t *testing.T) {
	t.Parallel()
	i := startHelper(t)
	i.alive()
	i.kill9()
	i.wrap = []string{"sh", "-c", `mkfifo "$0"; exec 4<>"$0" 5>"$0" 4>&- 2>&5 5>&-; exec "$@"`, filepath.Join(t.TempDir(), "fifo")}
	i.start()
	c := i.dial()
	in := c.install(service("s", "exit 3"))
	if err := os.RemoveAll(filepath.Join(i.state, "incarnations")); err != nil {
		t.Fatal(err)
	}
	c.list()
	p := c.launch(in, "s") // It cannot save the record, and says so.
	c.over(p.id)
	i.alive()
}

// The cgroups of a services unit vanish with it.
func TestAnIncarnationWhoseCgroupIsRemovedIsOver(t *testing.T) {
	t.Parallel()
	i := startHelper(t, "--containment", "cgroup")
	c := i.dial()
	c.list()
	p := c.launch(c.install(service("s", "sleep 600 & wait")), "s")
	helper := i.command.Process
	if err := helper.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	removeTree(t, i.state)
	if err := helper.Signal(unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if e := c.over(p.id); e.Status != 9 {
		t.Errorf("exited is %+v", e)
	}
	c.done(spec.Request{Ack: &spec.Ack{Incarnations: []string{p.id}}})
	c.done(spec.Request{Quit: &spec.Quit{}})
}

// A helper may die between the execve of a service and its record. Nobody was
// told of that process, so it is launched again: the first must be gone.
func TestWhatWasNeverAnnouncedDoesNotLiveTwice(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		in := c.install(service("s", "echo up; sleep 600 & wait"))
		l := request(in, "s")
		c.ask(spec.Request{Launch: &l})
		first := c.answer()
		if first.Launched == nil {
			t.Fatalf("answered by %+v", first.Reply)
		}
		readUntil(t, first.fds[1], "up")
		c.close()
		i.kill9()
		// As it is before the record is written; see record.go.
		if err := os.Truncate(filepath.Join(i.state, "incarnations", l.Incarnation+savedSuffix), 0); err != nil {
			t.Fatal(err)
		}
		i.start()
		c = i.dial()
		if all := c.list(); len(all) != 0 {
			t.Errorf("listed: %v", all)
		}
		if !alreadyDead(first.Launched.PID) {
			t.Errorf("the first one lives, as %d", first.Launched.PID)
		}
		c.ask(spec.Request{Launch: &l})
		second := c.answer()
		if second.Launched == nil {
			t.Fatalf("answered by %+v %+v", second.Failed, second.Refused)
		}
		c.done(spec.Request{Kill: &spec.Kill{Incarnation: l.Incarnation}})
		c.over(l.Incarnation)
	})
}

// Where nobody reaps orphans, as in a container whose first process is no
// init, the end of an adopted process is seen all the same.
func TestAnAdoptedExitNeedsNoReaper(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		i.alive()
		i.kill9()
		// A subreaper (36) that never waits, and the helper as its child.
		i.wrap = []string{"perl", "-e", `syscall(157, 36, 1, 0, 0, 0); if (fork) { sleep 600 while 1 } $ENV{LISTEN_PID} = $$; exec @ARGV`}
		i.start()
		c := i.dial()
		s := service("s", onCue)
		s.Dir = t.TempDir()
		if err := unix.Mkfifo(s.Dir+"/fifo", 0o600); err != nil {
			t.Fatal(err)
		}
		p := c.launch(c.install(s), "s")
		readUntil(t, p.out, "up")
		c.close()
		reaper := i.command.Process
		t.Cleanup(func() { _ = reaper.Kill() })
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", reaper.Pid, reaper.Pid))
		if err != nil {
			t.Fatal(err)
		}
		helper, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		pidfd, err := sys.PidfdOpen(helper)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(pidfd)
		if err := sys.PidfdSignal(pidfd, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		// All its threads, the last of which lets go of the lock.
		if n, err := sys.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, int(patience.Milliseconds())); n != 1 {
			t.Fatalf("it does not end: %v", err)
		}
		i.wrap = nil
		i.start()
		c = i.dial()
		c.list()
		cue(t, s.Dir)
		if e := c.over(p.id); e.Status != 21<<8 || e.Unknown {
			t.Errorf("exited is %+v", e)
		}
	})
}
