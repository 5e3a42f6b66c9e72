package sys

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const catStat = "4711 (cat) R 4700 4711 4600 34816 4711 4194304 99 0 0 0 0 0 0 0 20 0 1 0 123456 3000000 200 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 2816\n"

func TestProcStatIsReadWhateverTheName(t *testing.T) {
	want := ProcStat{PID: 4711, State: 'R', Parent: 4700, Session: 4600, Flags: 4194304, Started: 123456, Status: 11 << 8}
	for _, name := range []string{"cat", "", "a b", ") R 1 1 1 (", "((", "))", "\n", "x) Z 1"} {
		got, err := ParseProcStat(strings.Replace(catStat, "(cat)", "("+name+")", 1))
		if err != nil || got != want {
			t.Errorf("name %q: got %+v, %v", name, got, err)
		}
	}
	for _, text := range []string{"", "4711", "4711 (cat)", "4711 (cat) R 1 2", strings.Replace(catStat, "4700", "x", 1), strings.Replace(catStat, "4711 (", "-1 (", 1)} {
		if got, err := ParseProcStat(text); err == nil {
			t.Errorf("%q was read as %+v", text, got)
		}
	}
}

func FuzzParseProcStat(f *testing.F) {
	f.Add(catStat)
	f.Fuzz(func(t *testing.T, text string) {
		if stat, err := ParseProcStat(text); err == nil && stat.State == 0 {
			t.Errorf("%q: %+v", text, stat)
		}
	})
}

func TestProcStatOfOurselves(t *testing.T) {
	stat, err := ReadProcStat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	session, err := unix.Getsid(0)
	if err != nil {
		t.Fatal(err)
	}
	if stat.PID != os.Getpid() || stat.Parent != os.Getppid() || stat.Session != session || !stat.Execed() || stat.Zombie() || stat.Started == 0 {
		t.Errorf("got %+v", stat)
	}
	pids, err := Processes()
	if err != nil || len(pids) == 0 {
		t.Fatalf("processes: %v, %v", pids, err)
	}
	found := false
	for _, pid := range pids {
		found = found || pid == os.Getpid()
	}
	if !found {
		t.Errorf("we are not among %v", pids)
	}
}

func TestPeekLeavesTheZombie(t *testing.T) {
	pid, pidfd := start(t, "exit 7")
	waitReadable(t, pidfd)
	for range 2 {
		status, _, exited, err := PeekPidfd(pidfd)
		if err != nil || !exited || status != 7<<8 {
			t.Fatalf("peek: %#x, %v, %v", status, exited, err)
		}
		if stat, err := ReadProcStat(pid); err != nil || !stat.Zombie() {
			t.Fatalf("it is %+v, %v", stat, err)
		}
	}
	if status, _, exited, err := WaitPidfd(pidfd); err != nil || !exited || status != 7<<8 {
		t.Errorf("wait: %#x, %v, %v", status, exited, err)
	}
	if _, _, _, err := PeekPidfd(pidfd); err == nil {
		t.Error("a child that is reaped can be peeked at")
	}
}

// The exit of a process as one who never was its parent learns it.
func TestExitOfAStranger(t *testing.T) {
	_, pidfd := start(t, "exit 42")
	waitReadable(t, pidfd)
	if _, known, _, err := ExitOfStranger(pidfd); err != nil || known {
		t.Fatalf("a zombie's exit is known already: %v", err)
	}
	if _, _, _, err := WaitPidfd(pidfd); err != nil {
		t.Fatal(err)
	}
	status, known, supported, err := ExitOfStranger(pidfd)
	if err != nil {
		t.Fatal(err)
	}
	if supported != known || known && status != 42<<8 {
		t.Errorf("got %#x, known %v, supported %v", status, known, supported)
	}
	if !supported {
		t.Log("this kernel does not tell (Linux 6.15)")
	}
}

func TestUnblockSignalsAndThreadName(t *testing.T) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // Never unlocked: the thread ends with us.
		var blocked, now unix.Sigset_t
		blocked.Val[0] = 1 << (syscall.SIGUSR2 - 1)
		if err := unix.PthreadSigmask(unix.SIG_SETMASK, &blocked, nil); err != nil {
			t.Error(err)
		}
		if err := UnblockSignals(); err != nil {
			t.Error(err)
		}
		if err := unix.PthreadSigmask(unix.SIG_SETMASK, nil, &now); err != nil || now.Val[0] != 0 {
			t.Errorf("still blocked: %#x, %v", now.Val[0], err)
		}
		SetThreadName("a name that is longer than the kernel keeps")
		name, err := os.ReadFile("/proc/thread-self/comm")
		if err != nil || string(name) != "a name that is \n" {
			t.Errorf("the name is %q, %v", name, err)
		}
	}()
	<-done
}

func TestAZombieTellsItsStatusToItsOwnUser(t *testing.T) {
	for script, want := range map[string]uint32{"exit 11": 11 << 8, "kill -KILL $$": 9} {
		command := exec.Command("/bin/sh", "-c", "read x; "+script)
		input, err := command.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		pid := command.Process.Pid
		stat, err := ReadProcStat(pid)
		if err != nil {
			t.Fatal(err)
		}
		if _, known := ExitOfZombie(pid, stat.Started); known {
			t.Errorf("%q: the status of a living process is known", script)
		}
		pidFD, err := PidfdOpen(pid)
		if err != nil {
			t.Fatal(err)
		}
		input.Close()
		if _, err := Poll([]unix.PollFd{{Fd: int32(pidFD), Events: unix.POLLIN}}, -1); err != nil {
			t.Fatal(err)
		}
		CloseAll([]int{pidFD})
		if status, known := ExitOfZombie(pid, stat.Started); !known || status != want {
			t.Errorf("%q: status is %#x, %t", script, status, known)
		}
		if _, known := ExitOfZombie(pid, stat.Started+1); known {
			t.Errorf("%q: another process with its number was taken for it", script)
		}
		_ = command.Wait()
		if _, known := ExitOfZombie(pid, stat.Started); known {
			t.Errorf("%q: it is reaped, and its status is known still", script)
		}
	}
}

func TestAReapedProcessIsGone(t *testing.T) {
	text := "4711 (cat) X 0 -1 -1 0 -1 4194316" + strings.Repeat(" 0", 60)
	if _, err := ParseProcStat(text); !errors.Is(err, unix.ESRCH) {
		t.Errorf("%v, want ESRCH", err)
	}
}
