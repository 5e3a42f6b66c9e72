package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// deadMount mounts a file system that answers nobody, as one whose server has
// died does: whoever touches it waits until he is killed. revive ends that.
func deadMount(t *testing.T) (dir string, revive func()) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "dead")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err == nil {
		err = unix.Mount("sysg-test", dir, "fuse", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fd))
	}
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("cannot mount FUSE here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	revive = func() {
		if fd >= 0 {
			_ = unix.Close(fd)
			_ = unix.Unmount(dir, unix.MNT_FORCE|unix.MNT_DETACH)
			fd = -1
		}
	}
	t.Cleanup(revive)
	return dir, revive
}

// TestHangingLaunch holds that a launch which hangs on a dead file system costs
// nobody else more than its time: the helper answers all the while (see
// memory.go for what could keep it from that), the launch fails with the stage
// it hung in, and nothing of it is left.
func TestHangingLaunch(t *testing.T) {
	t.Parallel()
	limit := 3 * time.Second // A busy machine may have nothing for us for one.
	if raced {               // Then a stage alone takes that long.
		limit = 4 * time.Second
	}
	inDir := func(s *generation.LaunchService, dead string) { s.Dir = dead }
	for _, test := range []struct {
		name  string
		edit  func(s *generation.LaunchService, dead string)
		stage spec.Stage
	}{
		{"in its directory", inDir, spec.StageChdir},
		{"in its directory, staged", func(s *generation.LaunchService, dead string) { s.Dir, s.Umask = dead, 0o077 }, spec.StageChdir},
		{"in its program", func(s *generation.LaunchService, dead string) { s.Roles[0].Argv[0] = dead + "/program" }, spec.StageExec},
		{"in PATH", func(s *generation.LaunchService, dead string) {
			s.Roles[0].Argv[0] = "program"
			s.Layers = []generation.Layer{{Vars: []string{"PATH=" + dead}}}
		}, spec.StageEnv},
		{"in an env file", func(s *generation.LaunchService, dead string) {
			s.Layers = []generation.Layer{{File: dead + "/env"}}
		}, spec.StageEnv},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dead, revive := deadMount(t)
			i := startHelper(t, "--launch-timeout", limit.String())
			t.Cleanup(revive) // Before the helper is stopped: it may hang there.
			c, other := i.dial(), i.dial()
			other.list()
			hanging := service("hangs", "exit")
			test.edit(&hanging, dead)
			in := c.install(hanging, service("well", "exit"))
			l := request(in, "hangs")
			begin := time.Now()
			c.ask(spec.Request{Launch: &l})

			// Enough garbage to make a collector start.
			slowest := time.Duration(0)
			for n := 0; n < 10_000 && time.Since(begin) < limit*3/4; n++ {
				before := time.Now()
				other.ask(spec.Request{Kill: &spec.Kill{Incarnation: newIncarnation()}})
				other.answer()
				slowest = max(slowest, time.Since(before))
			}
			if slowest > limit {
				t.Errorf("the helper took %s to answer while a launch hung", slowest)
			}
			p := c.answer()
			if p.Failed == nil || p.Failed.Stage != test.stage {
				t.Errorf("answered by %+v %+v, want stage %s", p.Failed, p.Launched, test.stage)
			}
			if took := time.Since(begin); took < limit || took > limit+10*time.Second {
				t.Errorf("it took %s", took)
			}
			other.over(c.launch(in, "well").id) // The next one is not held up.
			revive()
			c.done(spec.Request{Ack: &spec.Ack{Incarnations: keys(c.list())}})
			for begin := time.Now(); len(leaves(t, i)) > 0; {
				if time.Since(begin) > patience {
					t.Fatalf("left over: %v", leaves(t, i))
				}
				i.alive() // One turn of its loop.
			}
		})
	}
}

// A launcher that hangs itself is replaced, but not without end.
func TestLaunchersAreReplacedWithinBounds(t *testing.T) {
	t.Parallel()
	dead, revive := deadMount(t)
	i := startHelper(t, "--launch-timeout", "50ms")
	t.Cleanup(revive)
	c := i.dial()
	hanging := service("hangs", "exit")
	hanging.Layers = []generation.Layer{{File: dead + "/env"}}
	in := c.install(hanging, service("well", "exit"))
	for n := range maxLost + 1 {
		if f := c.fails(in, "hangs"); f.Stage != spec.StageEnv {
			t.Fatalf("launch %d failed with %+v", n, f)
		}
	}
	l := request(in, "well")
	c.ask(spec.Request{Launch: &l})
	if p := c.answer(); p.Refused == nil || p.Refused.Reason != spec.ReasonInternal {
		t.Errorf("answered by %+v", p.Reply)
	}
	revive()
	for begin := time.Now(); ; {
		l := request(in, "well")
		c.ask(spec.Request{Launch: &l})
		if p := c.answer(); p.Launched != nil {
			break
		}
		if time.Since(begin) > patience {
			t.Fatal("the launchers did not come back")
		}
	}
}

func keys(all map[string]packet) []string {
	var names []string
	for name := range all {
		names = append(names, name)
	}
	return names
}
