package sys

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// start runs a shell command whose pidfd the caller reaps by.
func start(t *testing.T, script string) (pid, pidfd int) {
	t.Helper()
	pid, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", script}, &syscall.ProcAttr{Env: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	pidfd, err = PidfdOpen(pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(pidfd) })
	return pid, pidfd
}

// waitReadable returns once the process of pidfd has ended.
func waitReadable(t *testing.T, pidfd int) {
	t.Helper()
	poll, err := NewEpoll()
	if err != nil {
		t.Fatal(err)
	}
	defer poll.Close()
	if err := poll.Add(pidfd, Readable, 1); err != nil {
		t.Fatal(err)
	}
	if ready, err := poll.Wait(nil, 10_000); err != nil || len(ready) != 1 {
		t.Fatalf("the process does not end: %v, %v", ready, err)
	}
}

func TestPidfdGivesTheRawStatusOnceTheChildEnded(t *testing.T) {
	for _, test := range []struct {
		name   string
		script string
		signal syscall.Signal
		check  func(syscall.WaitStatus) bool
	}{
		{"exit code", "exit 42", 0, func(s syscall.WaitStatus) bool { return s.Exited() && s.ExitStatus() == 42 }},
		{"success", "exit 0", 0, func(s syscall.WaitStatus) bool { return s == 0 }},
		{"largest code", "exit 255", 0, func(s syscall.WaitStatus) bool { return s.ExitStatus() == 255 }},
		{"signal", "exec sleep 60", syscall.SIGKILL, func(s syscall.WaitStatus) bool { return s.Signal() == syscall.SIGKILL && !s.CoreDump() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, pidfd := start(t, test.script)
			if test.signal != 0 {
				if _, _, exited, err := WaitPidfd(pidfd); exited || err != nil {
					t.Fatalf("a running child: exited %v, %v", exited, err)
				}
				if err := PidfdSignal(pidfd, test.signal); err != nil {
					t.Fatal(err)
				}
			}
			waitReadable(t, pidfd)
			status, usage, exited, err := WaitPidfd(pidfd)
			if err != nil || !exited || !test.check(syscall.WaitStatus(status)) {
				t.Errorf("status %#x, exited %v, %v", status, exited, err)
			}
			if usage.MaxRSS < 64<<10 || usage.MaxRSS > 1<<30 || usage.User < 0 || usage.System < 0 {
				t.Errorf("usage is %+v", usage)
			}
			if _, _, _, err := WaitPidfd(pidfd); !errors.Is(err, unix.ECHILD) {
				t.Errorf("reaping twice gives %v", err)
			}
			if err := PidfdSignal(pidfd, syscall.SIGTERM); !errors.Is(err, unix.ESRCH) {
				t.Errorf("signalling what was reaped gives %v", err)
			}
		})
	}
}

// Kernels say it in different ways; see PidfdOpen.
func TestPidfdOpenKnowsWhatIsNoProcess(t *testing.T) {
	for name, find := range map[string]func(t *testing.T) int{
		"a thread":                       anyThread,
		"reaped":                         func(t *testing.T) int { return reaped(t, "exit") },
		"reaped, its group lives":        func(t *testing.T) int { return reaped(t, "sleep 600 & exit") },
		"more than any process can have": func(*testing.T) int { return 1 << 30 },
		"no number":                      func(*testing.T) int { return 0 },
	} {
		t.Run(name, func(t *testing.T) {
			pid := find(t)
			if pidfd, err := PidfdOpen(pid); !errors.Is(err, unix.ESRCH) {
				t.Errorf("%d was opened as %d, %v", pid, pidfd, err)
			}
		})
	}
}

// anyThread is one of ours that is not the first.
func anyThread(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		if tid, _ := strconv.Atoi(task.Name()); tid != os.Getpid() {
			return tid
		}
	}
	t.Fatal("there is only one thread")
	return 0
}

// reaped is the number of a process that led a group and has been reaped. What it
// leaves in its group lives as long as the test.
func reaped(t *testing.T, script string) int {
	t.Helper()
	command := exec.Command("/bin/sh", "-c", script)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := command.Run(); err != nil {
		t.Fatal(err)
	}
	pid := command.Process.Pid
	t.Cleanup(func() { _ = syscall.Kill(-pid, syscall.SIGKILL) })
	return pid
}

// A core dump cannot be relied on here (core_pattern, rlimits), so this part
// of the translation is held to wait(2) by its numbers.
func TestRawStatusOfACoreDump(t *testing.T) {
	dumped := exitInfo{code: 3, status: int32(unix.SIGSEGV)}
	if status := syscall.WaitStatus(dumped.raw()); status.Signal() != syscall.SIGSEGV || !status.CoreDump() {
		t.Errorf("got %#x", dumped.raw())
	}
}

func TestExitInfoIsAsLargeAsTheKernelWrites(t *testing.T) {
	if got, want := unsafe.Sizeof(exitInfo{}), unsafe.Sizeof(unix.Siginfo{}); got < want {
		t.Errorf("%d bytes, the kernel writes %d", got, want)
	}
}

func TestZombieNamesAnEndedChildAndLeavesIt(t *testing.T) {
	pid, pidfd := start(t, "exit 3")
	waitReadable(t, pidfd)
	for range 2 {
		if got, err := Zombie(); err != nil || got != pid {
			t.Fatalf("got %d, %v, want %d", got, err, pid)
		}
	}
	if status, _, exited, err := Reap(pid); err != nil || !exited || status != 3<<8 {
		t.Errorf("status %#x, exited %v, %v", status, exited, err)
	}
	if got, err := Zombie(); err != nil || got != 0 {
		t.Errorf("after the last child: %d, %v", got, err)
	}
}

// TestSubreaperGetsOrphans acts in a process of its own, since the flag lasts.
func TestSubreaperGetsOrphans(t *testing.T) {
	const marker = "SYSG_TEST_SUBREAPER"
	if os.Getenv(marker) == "" {
		command := exec.Command(os.Args[0], "-test.run=^TestSubreaperGetsOrphans$")
		command.Env = append(os.Environ(), marker+"=1")
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	if err := SetSubreaper(); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	parent, err := os.StartProcess("/bin/sh", []string{"sh", "-c", "sleep 60 & echo $!"}, &os.ProcAttr{Files: []*os.File{nil, w, os.Stderr}})
	if err != nil {
		t.Fatal(err)
	}
	var orphan int
	if _, err := fmt.Fscan(r, &orphan); err != nil {
		t.Fatal(err)
	}
	if _, err := parent.Wait(); err != nil {
		t.Fatal(err)
	}
	pidfd, err := PidfdOpen(orphan)
	if err != nil {
		t.Fatal(err)
	}
	if err := PidfdSignal(pidfd, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitReadable(t, pidfd)
	if got, err := Zombie(); err != nil || got != orphan {
		t.Errorf("Zombie is %d, %v, want the orphan %d", got, err, orphan)
	}
	if status, _, exited, err := WaitPidfd(pidfd); err != nil || !exited || status != uint32(syscall.SIGTERM) {
		t.Errorf("status %#x, exited %v, %v", status, exited, err)
	}
}
