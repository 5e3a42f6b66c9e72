package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// isolated is a confined service with more isolation.
func isolated(name, script string, edit func(*generation.Confinement)) generation.LaunchService {
	s := confined(name, script)
	edit(s.Confinement)
	return s
}

func withInit(c *generation.Confinement) { c.PID, c.Init = true, true }

func TestAServiceUnderInit(t *testing.T) {
	requireRoot(t)
	h := startHelper(t)
	c := h.dial()
	c.ask(spec.Request{List: &spec.List{}})
	c.list()
	for name, edit := range map[string]func(*generation.Confinement){
		"plain": func(*generation.Confinement) {},
		"user":  func(c *generation.Confinement) { c.User = true },
		"everything of its own": func(c *generation.Confinement) {
			c.User, c.Mount, c.Network, c.IPC, c.UTS, c.Cgroup, c.PrivateTmp, c.PrivateDevices = true, true, true, true, true, true, true, true
			c.ProtectSystem = generation.ProtectStrict
		},
		"root": func(c *generation.Confinement) { c.Identity = generation.Identity{} },
	} {
		t.Run(name, func(t *testing.T) {
			s := isolated("pid", `trap "echo got TERM; exit 42" TERM; echo $PPID /proc/1 /proc/$$ = 1 /proc/[0-9]*; sleep 1000 >/dev/null & wait`, func(c *generation.Confinement) { withInit(c); edit(c) })
			p := c.launch(c.install(s), "pid")
			is, sees, _ := strings.Cut(strings.TrimSpace(readUntil(t, p.out, "\n")), " = ")
			if is != sees {
				t.Errorf("it is %q and sees %q", is, sees)
			}
			leastInit(t, p.pid, s.Confinement.Identity)
			c.done(spec.Request{Signal: &spec.Signal{Incarnation: p.id, Signal: int(unix.SIGTERM)}})
			if got := readAll(t, p.out); got != "got TERM\n" {
				t.Errorf("it said %q", got)
			}
			if got := unix.WaitStatus(c.over(p.id).Status); !got.Exited() || got.ExitStatus() != 42 {
				t.Errorf("it ended with %#x", got)
			}
		})
	}
}

// leastInit looks whether no thread of a process can do anything, and whether
// it holds nothing.
func leastInit(t *testing.T, pid int, id generation.Identity) {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(threads) == 0 {
		t.Fatalf("no threads: %v", err)
	}
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(text), "\n") {
			key, value, _ := strings.Cut(line, ":")
			value = strings.TrimSpace(value)
			switch {
			case strings.HasPrefix(key, "Cap") && strings.Trim(value, "0") != "", key == "NoNewPrivs" && value != "1",
				key == "Uid" && value != fmt.Sprintf("%[1]d\t%[1]d\t%[1]d\t%[1]d", id.UID):
				t.Errorf("init has %s", line)
			}
		}
	}
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err != nil || to != "/dev/null" && to != "anon_inode:[eventpoll]" && !strings.HasPrefix(to, "anon_inode:[eventfd") {
			t.Errorf("init holds %s", to)
		}
	}
	if err := unix.Access(fmt.Sprintf("/proc/%d/fd", pid), unix.X_OK); err != nil {
		t.Errorf("cannot see what it holds: %v", err)
	}
	var stat unix.Stat_t
	if err := unix.Stat(fmt.Sprintf("/proc/%d/environ", pid), &stat); err != nil || stat.Uid != 0 {
		t.Errorf("init belongs to %d, so it is dumpable (%v)", stat.Uid, err)
	}
}

func TestWhatTheKernelLacksRefusesOrIsReported(t *testing.T) {
	requireRoot(t)
	c := startHelper(t).dial()
	selinux := func(c *generation.Confinement) { c.SELinux = "system_u:system_r:httpd_t:s0" }
	if text, _ := os.ReadFile("/proc/filesystems"); strings.Contains(string(text), "\tselinuxfs\n") {
		t.Fatal("this test is for a kernel without SELinux")
	}
	in := c.install(
		isolated("bold", "true", func(c *generation.Confinement) { selinux(c); c.BestEffort = []string{"selinux_context"} }),
		isolated("strict", "true", selinux))
	failed := c.fails(in, "strict")
	if failed.Stage != spec.StageLSM || !strings.Contains(failed.Detail, "isolation.selinux_context: SELinux is not in use") {
		t.Errorf("it failed at %s: %s", failed.Stage, failed.Detail)
	}
	p := c.launchAs(in, "bold", spec.RoleMain, nil)
	if p.Launched == nil || len(p.Launched.Missing) != 1 || p.Launched.Missing[0] != "selinux_context" {
		t.Errorf("answered by %+v", p.Reply)
	}
}

// A signal to the group would come twice: init forwards what it gets. That it got
// none shows here in that it lives to pass the status on.
func TestASignalToTheGroupSparesInit(t *testing.T) {
	requireRoot(t)
	c := startHelper(t).dial()
	c.ask(spec.Request{List: &spec.List{}})
	c.list()
	p := c.launch(c.install(isolated("group", "sleep 1000 & echo ready; wait", withInit)), "group")
	readUntil(t, p.out, "ready")
	c.done(spec.Request{Signal: &spec.Signal{Incarnation: p.id, Signal: int(unix.SIGKILL), Group: true}})
	if got := unix.WaitStatus(c.over(p.id).Status); !got.Exited() || got.ExitStatus() != 128+9 {
		t.Errorf("it ended with %#x", got)
	}
}

func TestAStatusOfASignalIsPassedOnAsAShellDoes(t *testing.T) {
	requireRoot(t)
	c := startHelper(t).dial()
	c.ask(spec.Request{List: &spec.List{}})
	c.list()
	p := c.launch(c.install(isolated("dies", "kill -9 $$", withInit)), "dies")
	if got := unix.WaitStatus(c.over(p.id).Status); !got.Exited() || got.ExitStatus() != 128+9 {
		t.Errorf("it ended with %#x", got)
	}
}

// Init forwards every signal that can be caught: those that it catches before the
// service is there, those that wait until later, and those of faults.
func TestInitForwardsEverySignal(t *testing.T) {
	requireRoot(t)
	c := startHelper(t).dial()
	c.list()
	// These handlers may come in each other's midst, so there is no buffer.
	script := `for my $n (1 .. 64) { POSIX::sigaction($n, POSIX::SigAction->new(sub { syswrite STDOUT, "$n\n" })) } syswrite STDOUT, "ready\n"; sleep while 1`
	s := program("signals", "/usr/bin/perl", "-MPOSIX", "-e", script)
	s.NoNewPrivs, s.Confinement = true, &generation.Confinement{Identity: someone(), PID: true, Init: true}
	p := c.launch(c.install(s), "signals")
	readUntil(t, p.out, "ready\n")
	for number := 1; number <= 64; number++ {
		switch unix.Signal(number) {
		case unix.SIGKILL, unix.SIGSTOP, unix.SIGCHLD, unix.SIGPROF, 32, 33, 34: // Of the kernel, of init's own children, and of Go's and C's runtime.
			continue
		}
		c.done(spec.Request{Signal: &spec.Signal{Incarnation: p.id, Signal: number}})
		if got, want := readUntil(t, p.out, "\n"), fmt.Sprintf("%d\n", number); got != want {
			t.Fatalf("signal %d arrived as %q", number, got)
		}
	}
}

// A service may tell process 1 at once: what Go's runtime lets nobody block is
// caught before the service is there, or else ends init and it. That is a race, which
// the service wins once in a few times.
func TestInitForwardsWhatTheServiceSendsFirst(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	c := startHelper(t).dial()
	c.list()
	const first = `for n in HUP INT QUIT TERM; do trap "echo $n" $n; done; ` +
		`kill -TERM 1; kill -QUIT 1; kill -INT 1; kill -HUP 1; sleep 1000 >/dev/null & while :; do wait; done`
	in := c.install(isolated("first", first, withInit))
	for range 30 {
		p := c.launch(in, "first")
		missing := map[string]bool{"HUP": true, "INT": true, "QUIT": true, "TERM": true}
		for len(missing) > 0 {
			for _, got := range strings.Fields(readUntil(t, p.out, "\n")) {
				if !missing[got] {
					t.Fatalf("it got %q, and misses %v", got, missing)
				}
				delete(missing, got)
			}
		}
		c.done(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
		c.over(p.id)
	}
}

// What fails under init is told with its stage, and leaves nothing.
func TestAFailureUnderInitNamesItsStage(t *testing.T) {
	requireRoot(t)
	c := startHelper(t).dial()
	in := c.install(
		isolated("path", "true", func(c *generation.Confinement) { withInit(c); c.ReadOnly = []string{"/no/such"} }),
		func() generation.LaunchService {
			s := program("program", "/no/such")
			s.NoNewPrivs, s.Confinement = true, &generation.Confinement{Identity: someone(), PID: true, Init: true}
			return s
		}())
	for name, want := range map[string]spec.Stage{"path": spec.StageMounts, "program": spec.StageExec} {
		if failed := c.fails(in, name); failed.Stage != want || failed.Errno != int(unix.ENOENT) {
			t.Errorf("%s failed as %+v", name, failed)
		}
	}
}

// Go raises the soft limit of descriptors of its own programs. That must not be a
// service's, in whatever way it is launched.
func TestTheLimitOfDescriptorsIsWhatTheHelperWasStartedWith(t *testing.T) {
	requireRoot(t)
	h := startHelper(t)
	h.alive()
	h.kill9()
	h.wrap = []string{"prlimit", "--nofile=789:"} // The hard one stays.
	h.start()
	c := h.dial()
	c.list()
	for name, edit := range map[string]func(*generation.Confinement){
		"directly":           func(*generation.Confinement) {},
		"with namespaces":    everyNamespace,
		"under init":         withInit,
		"user":               func(c *generation.Confinement) { c.User = true },
		"under init in user": func(c *generation.Confinement) { withInit(c); c.User = true },
	} {
		t.Run(name, func(t *testing.T) {
			s := isolated("nofile", "ulimit -Sn; sleep 1000", edit)
			s.Roles = append(s.Roles, generation.Command{Role: spec.RoleHealth, Argv: []string{"/bin/sh", "-c", "ulimit -Sn"}})
			s.ReadyFD = 800 // One beyond it is its own.
			in := c.install(s)
			main := c.launch(in, "nofile")
			if got := readUntil(t, main.out, "\n"); got != "789\n" {
				t.Errorf("the service has %s", got)
			}
			if got := readUntil(t, c.launchBeside(in, "nofile", spec.RoleHealth, main.id).out, "\n"); got != "789\n" {
				t.Errorf("its check has %s", got)
			}
		})
	}
}
