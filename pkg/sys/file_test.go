package sys

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWriteFileAtomicReplacesWholeAndLeavesNothingElse(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := WriteFileAtomic(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := WriteFileAtomic(path, []byte("new content"), 0o600); err != nil {
		t.Fatal(err)
	}
	was := make([]byte, 16)
	if n, err := reader.Read(was); err != nil || string(was[:n]) != "old" {
		t.Errorf("a reader of the old file sees %q, %v", was[:n], err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "new content" {
		t.Errorf("the file holds %q, %v", got, err)
	}
	if entry, err := os.Stat(path); err != nil || entry.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", entry.Mode(), err)
	}
	wantOnly(t, dir, "f")
}

func TestWriteFileAtomicThatFailsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "f"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteFileAtomic(filepath.Join(dir, "f"), []byte("x"), 0o600); err == nil {
		t.Error("a folder was replaced by a file")
	}
	wantOnly(t, dir, "f")
	if err := WriteFileAtomic(filepath.Join(dir, "missing", "f"), nil, 0o600); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing folder gives %v", err)
	}
}

func wantOnly(t *testing.T, dir, name string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != name {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}

func TestLockIsExclusiveUntilClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(path); !errors.Is(err, ErrLocked) {
		t.Fatalf("a second lock gives %v", err)
	}
	got := make(chan error)
	go func() {
		second, err := LockWait(path)
		if err == nil {
			err = second.Close()
		}
		got <- err
	}()
	select {
	case err := <-got:
		t.Fatalf("LockWait did not wait: %v", err)
	default:
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestLockDoesNotFollowALink(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("elsewhere", filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(filepath.Join(dir, "lock")); !errors.Is(err, unix.ELOOP) {
		t.Errorf("got %v", err)
	}
}

func TestEventfdIsReadableFromSignalToDrain(t *testing.T) {
	fd, err := NewEventfd()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	poll, err := NewEpoll()
	if err != nil {
		t.Fatal(err)
	}
	defer poll.Close()
	const key = 1<<63 | 7
	if err := poll.Add(fd, Readable, key); err != nil {
		t.Fatal(err)
	}
	want := func(n int) {
		t.Helper()
		ready, err := poll.Wait(nil, 0)
		if err != nil || len(ready) != n || n == 1 && (ready[0].Key != key || ready[0].Events != Readable) {
			t.Fatalf("ready: %+v, %v", ready, err)
		}
	}
	want(0)
	for range 2 {
		if err := Signal(fd); err != nil {
			t.Fatal(err)
		}
	}
	want(1)
	for range 2 { // Nothing to drain is no error.
		if err := Drain(fd); err != nil {
			t.Fatal(err)
		}
	}
	want(0)
}

func TestCloexecRangeReachesTheLastDescriptor(t *testing.T) {
	r, w, err := LogPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer CloseAll([]int{r, w})
	high, err := unix.FcntlInt(uintptr(r), unix.F_DUPFD, 500)
	if err != nil {
		t.Fatal(err)
	}
	if err := CloexecRange(500, ^uint(0)); err != nil {
		t.Fatal(err)
	}
	if flags, err := unix.FcntlInt(uintptr(high), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("descriptor %d is not close-on-exec: %v", high, err)
	}
	if err := CloseRange(500, ^uint(0)); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(uintptr(high), unix.F_GETFD, 0); err != unix.EBADF {
		t.Errorf("descriptor %d is still open: %v", high, err)
	}
}

func TestLogPipeReadEndDoesNotWait(t *testing.T) {
	r, w, err := LogPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer CloseAll([]int{r, w})
	if _, err := unix.Read(r, make([]byte, 1)); err != unix.EAGAIN {
		t.Errorf("reading gives %v", err)
	}
	if flags, err := unix.FcntlInt(uintptr(w), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK != 0 {
		t.Errorf("the write end does not block: %v", err)
	}
}

// A child that has not reached its execve holds whatever its parent held. It is
// played here by a process that is given the descriptor.
func TestAProcessLockIsNotAChilds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	parent := exec.Command(os.Args[0], "-test.run=^TestHelperThatLocks$")
	parent.Env = append(os.Environ(), "LOCK="+path)
	input, err := parent.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer input.Close()
	output, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var child int
	if _, err := fmt.Fscan(output, &child); err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(child, syscall.SIGKILL)
	if _, err := LockProcess(path); !errors.Is(err, ErrLocked) {
		t.Errorf("while the process lives: %v", err)
	}
	_ = parent.Process.Kill()
	_ = parent.Wait()
	if _, err := Lock(path); !errors.Is(err, ErrLocked) {
		t.Errorf("the child does not hold the file: %v", err)
	}
	second, err := LockProcess(path)
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
}

func TestHelperThatLocks(t *testing.T) {
	path := os.Getenv("LOCK")
	if path == "" {
		return
	}
	lock, err := LockProcess(path)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command("sleep", "600")
	child.ExtraFiles = []*os.File{lock}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	fmt.Println(child.Process.Pid)
	_, _ = os.Stdin.Read(make([]byte, 1)) // Until it is killed.
}
