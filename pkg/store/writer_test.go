package store

import (
	"errors"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
)

// outcome is one call of written.
type outcome struct {
	project string
	seq     uint64
	err     error
}

// gated is a writer whose goroutine stops after each change until it is let go
// on, so that changes pile up behind it.
type gated struct {
	*Writer
	dir      string
	outcomes chan outcome
}

func newGated(t *testing.T) *gated {
	t.Helper()
	g := &gated{dir: filepath.Join(t.TempDir(), "projects"), outcomes: make(chan outcome)}
	g.Writer = NewWriter(g.dir, func(project string, seq uint64, err error) { g.outcomes <- outcome{project, seq, err} })
	return g
}

func (g *gated) wantNext(t *testing.T, project string, seq uint64) {
	t.Helper()
	if got := <-g.outcomes; got != (outcome{project, seq, nil}) {
		t.Errorf("written(%+v), want %s %d", got, project, seq)
	}
}

func TestManyChangesCostFewWrites(t *testing.T) {
	g := newGated(t)
	g.Put(sample("first", 1), 1)
	// The writer is at first until the outcome is read, or has not begun.
	g.Put(sample("shop", 1), 1)
	for i := 2; i <= 1000; i++ {
		g.Put(sample("shop", i), uint64(i))
	}
	seen := map[string]uint64{}
	writes := 0
	for seen["shop"] != 1000 || seen["first"] != 1 {
		got := <-g.outcomes
		if got.err != nil || got.seq <= seen[got.project] {
			t.Errorf("written(%+v) after %d", got, seen[got.project])
		}
		seen[got.project] = got.seq
		writes++
	}
	if writes > 3 {
		t.Errorf("%d writes of 1001 changes", writes)
	}
	g.Close()
	wantProject(t, g.dir, sample("shop", 1000))
	wantProject(t, g.dir, sample("first", 1))
}

func TestAnUnchangedFileIsNotWrittenAgain(t *testing.T) {
	g := newGated(t)
	defer g.Close()
	inode := func(file string) uint64 {
		info, err := os.Stat(filepath.Join(g.dir, "shop", file))
		if err != nil {
			t.Fatal(err)
		}
		return info.Sys().(*syscall.Stat_t).Ino
	}
	g.Put(sample("shop", 1), 1)
	g.wantNext(t, "shop", 1)
	state, pids := inode(stateFile), inode(pidFile)
	g.Put(sample("shop", 2), 2)
	g.wantNext(t, "shop", 2)
	if inode(stateFile) == state {
		t.Error("state.json, which changed, was not replaced")
	}
	if inode(pidFile) != pids {
		t.Error("pid.json, which did not change, was replaced")
	}
}

func TestARemovedProjectStaysRemoved(t *testing.T) {
	g := newGated(t)
	g.Put(sample("shop", 1), 1)
	g.wantNext(t, "shop", 1)
	g.Put(sample("shop", 2), 2)
	g.Remove("shop", 3)
	for got := <-g.outcomes; got.seq != 3; got = <-g.outcomes {
	}
	if _, err := Load(g.dir, "shop"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load = %v", err)
	}
	g.Put(sample("shop", 2), 4) // The same content as before it was removed.
	g.wantNext(t, "shop", 4)
	g.Close()
	wantProject(t, g.dir, sample("shop", 2))
}

func TestFlushAndCloseLeaveNothingToWrite(t *testing.T) {
	dir := t.TempDir()
	count := 0
	w := NewWriter(dir, func(string, uint64, error) { count++ }) // Read after Flush only.
	w.Flush()
	for _, name := range []string{"a", "b", "c"} {
		w.Put(sample(name, 1), 1)
	}
	w.Flush()
	if count != 3 {
		t.Errorf("%d written after Flush, want 3", count)
	}
	w.Put(sample("d", 1), 2)
	w.Close()
	for _, name := range []string{"a", "b", "c", "d"} {
		wantProject(t, dir, sample(name, 1))
	}
}

func TestAFailedWriteIsReportedAndTheNextBringsAll(t *testing.T) {
	g := newGated(t)
	defer g.Close()
	// A file stands where the folder should be.
	if err := os.WriteFile(g.dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	g.Put(sample("shop", 1), 1)
	if got := <-g.outcomes; got.seq != 1 || !errors.Is(got.err, syscall.ENOTDIR) {
		t.Errorf("written(%+v), want %v", got, syscall.ENOTDIR)
	}
	if err := os.Remove(g.dir); err != nil {
		t.Fatal(err)
	}
	g.Put(sample("shop", 1), 2)
	g.wantNext(t, "shop", 2)
	wantProject(t, g.dir, sample("shop", 1))
}

// A limit on the size of files cuts a write short in the way that a full disk
// does, and needs no privilege.
func TestAFullDiskLeavesTheOldStateWhole(t *testing.T) {
	g := newGated(t)
	defer g.Close()
	g.Put(sample("shop", 1), 1)
	g.wantNext(t, "shop", 1)
	restore := limitFileSize(t, 200)
	g.Put(sample("shop", 2), 2)
	if got := <-g.outcomes; got.seq != 2 || !errors.Is(got.err, syscall.EFBIG) {
		t.Errorf("written(%+v), want %v", got, syscall.EFBIG)
	}
	restore()
	wantProject(t, g.dir, sample("shop", 1))
	if left := litter(t, g.dir); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	g.Put(sample("shop", 2), 3)
	g.wantNext(t, "shop", 3)
	wantProject(t, g.dir, sample("shop", 2))
}

func limitFileSize(t *testing.T, size uint64) (restore func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	set := func(limit syscall.Rlimit) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
	}
	set(syscall.Rlimit{Cur: size, Max: old.Max})
	restore = func() { set(old) }
	t.Cleanup(restore)
	return restore
}
