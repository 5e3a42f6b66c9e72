package cgroup

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/sys"
)

// testBase makes a cgroup for one test, removed with all in it at its end.
func testBase(t *testing.T) *Dir {
	t.Helper()
	mount, err := FindMount()
	var own string
	if err == nil {
		own, err = Own()
	}
	below, _ := mount.Below(own)
	var root, base *Dir
	if err == nil {
		root, err = Open(mount, below)
	}
	name := fmt.Sprintf("sysg-test-%d", os.Getpid())
	if err == nil {
		base, err = root.Make(name)
	}
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("no cgroup v2 to test with: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		base.Close()
		if err := root.RemoveTree(name); err != nil {
			t.Errorf("the test left something behind: %v", err)
		}
		root.Close()
	})
	return base
}

// launch starts a shell script inside dir. wait reaps it.
func launch(t *testing.T, dir *Dir, script string) (command *exec.Cmd, wait func()) {
	t.Helper()
	command = exec.Command("/bin/sh", "-c", script)
	command.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: dir.FD()}
	ready, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		t.Fatalf("the script did not get ready: %v", err)
	}
	return command, func() { _ = command.Wait() }
}

// waitEmpty waits on cgroup.events as sysg-exec does.
func waitEmpty(t *testing.T, dir *Dir) {
	t.Helper()
	eventsFD, err := dir.OpenEvents()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(eventsFD)
	for {
		events, err := ReadEvents(eventsFD)
		if err != nil {
			t.Fatal(err)
		}
		if !events.Populated {
			return
		}
		poll := []unix.PollFd{{Fd: int32(eventsFD), Events: unix.POLLPRI}}
		if n, err := sys.Poll(poll, 10_000); err != nil && err != unix.EINTR || err == nil && n == 0 {
			t.Fatalf("no event of an emptied cgroup in 10 s: %v", err)
		}
	}
}

func TestMakeOpenAndRemove(t *testing.T) {
	base := testBase(t)
	leaf, err := base.Make("run-1")
	if err != nil {
		t.Fatal(err)
	}
	defer leaf.Close()
	if _, err := base.Make("run-1"); !errors.Is(err, unix.EEXIST) {
		t.Errorf("making it again gives %v, want EEXIST", err)
	}
	again, err := base.Ensure("run-1")
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	id, _ := leaf.ID()
	if other, err := again.ID(); err != nil || id != other || id == 0 {
		t.Errorf("Ensure opened cgroup %d, made was %d (%v)", other, id, err)
	}
	if names, err := base.Children(); err != nil || !slices.Equal(names, []string{"run-1"}) {
		t.Errorf("children are %v, %v", names, err)
	}
	if err := base.Remove("run-1"); err != nil {
		t.Error(err)
	}
	if err := base.Remove("run-1"); err != nil {
		t.Errorf("removing what is gone gives %v", err)
	}
}

func TestNamesCannotLeaveTheDirectory(t *testing.T) {
	base := testBase(t)
	for _, name := range []string{"", ".", "..", "a/b", "../x", "/", "a\x00b"} {
		if _, err := base.Make(name); !errors.Is(err, unix.EINVAL) {
			t.Errorf("Make(%q) gives %v", name, err)
		}
		if _, err := base.Child(name); !errors.Is(err, unix.EINVAL) {
			t.Errorf("Child(%q) gives %v", name, err)
		}
		if err := base.Remove(name); !errors.Is(err, unix.EINVAL) {
			t.Errorf("Remove(%q) gives %v", name, err)
		}
	}
}

func TestPlainDirectoryIsNoCgroup(t *testing.T) {
	if _, err := Open(Mount{Point: t.TempDir(), Root: "/"}, ""); !errors.Is(err, ErrNone) {
		t.Errorf("got %v, want ErrNone", err)
	}
}

func TestPopulatedCgroupCannotBeRemovedUntilItsProcessIsReaped(t *testing.T) {
	base := testBase(t)
	leaf, err := base.Make("run-1")
	if err != nil {
		t.Fatal(err)
	}
	defer leaf.Close()
	command, wait := launch(t, leaf, "echo; exec sleep 60")
	if pids, err := leaf.Procs(); err != nil || !slices.Equal(pids, []int{command.Process.Pid}) {
		t.Errorf("processes are %v, %v; want %d", pids, err, command.Process.Pid)
	}
	if events, err := leaf.Events(); err != nil || !events.Populated {
		t.Errorf("events are %+v, %v", events, err)
	}
	if err := base.RemoveTree("run-1"); !errors.Is(err, unix.EBUSY) {
		t.Errorf("removing a live cgroup gives %v, want EBUSY", err)
	}
	if err := leaf.Kill(); err != nil {
		t.Fatal(err)
	}
	wait()
	waitEmpty(t, leaf)
	if err := base.Remove("run-1"); err != nil {
		t.Error(err)
	}
}

// escapee double-forks, starts a session of its own, ignores what it can, and
// moves into a sub-cgroup that it made.
const escapee = `(trap '' TERM HUP; setsid sleep 60 &) ; trap '' TERM; echo; sleep 60 & wait`

func TestKillGetsEveryDescendant(t *testing.T) {
	for name, kill := range map[string]func(*Dir) error{
		"in one step": (*Dir).Kill,
		"one by one":  (*Dir).killEach,
	} {
		t.Run(name, func(t *testing.T) {
			base := testBase(t)
			leaf, err := base.Make("run-1")
			if err != nil {
				t.Fatal(err)
			}
			defer leaf.Close()
			below, err := leaf.Make("below")
			if err != nil {
				t.Fatal(err)
			}
			_, waitBelow := launch(t, below, escapee)
			below.Close()
			_, wait := launch(t, leaf, escapee)
			pids, err := leaf.Procs()
			if err != nil || len(pids) < 4 {
				t.Fatalf("processes are %v, %v", pids, err)
			}
			if err := kill(leaf); err != nil {
				t.Fatal(err)
			}
			wait()
			waitBelow()
			waitEmpty(t, leaf)
			if err := base.RemoveTree("run-1"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSignalReachesAllAndOnlyTheCgroup(t *testing.T) {
	base := testBase(t)
	leaf, err := base.Make("run-1")
	if err != nil {
		t.Fatal(err)
	}
	defer leaf.Close()
	outside, err := base.Make("run-2")
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	_, wait := launch(t, leaf, "sleep 60 & echo; wait")
	spared, waitSpared := launch(t, outside, "echo; exec sleep 60")
	if err := leaf.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	wait()
	waitEmpty(t, leaf)
	pidfd, err := sys.PidfdOpen(spared.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	if err := sys.PidfdSignal(pidfd, 0); err != nil {
		t.Errorf("a process of another cgroup was hit: %v", err)
	}
	if err := outside.Kill(); err != nil {
		t.Error(err)
	}
	waitSpared()
	waitEmpty(t, outside)
}

// It is the service that makes cgroups below its own, and it may be spiteful.
func TestADeepAndWideTreeIsRemovedWithFewDescriptors(t *testing.T) {
	base := testBase(t)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	at, err := base.Make("leaf")
	if err != nil {
		t.Fatal(err)
	}
	for n := range 300 {
		if n == 0 {
			for wide := range 300 {
				side, err := at.Make(fmt.Sprint("side", wide))
				if err != nil {
					t.Fatal(err)
				}
				below, err := side.Make("below")
				if err != nil {
					t.Fatal(err)
				}
				below.Close()
				side.Close()
			}
		}
		deeper, err := at.Make("d")
		if err != nil {
			t.Fatal(err)
		}
		at.Close()
		at = deeper
	}
	at.Close()
	few := limit
	few.Cur = 40
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit) }()
	if pids, err := base.Procs(); err != nil || len(pids) != 0 {
		t.Errorf("procs are %v, %v", pids, err)
	}
	if err := base.RemoveTree("leaf"); err != nil {
		t.Fatal(err)
	}
	if names, err := base.Children(); err != nil || len(names) != 0 {
		t.Errorf("left: %v, %v", names, err)
	}
}
