package logs

import (
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestLinesThatCannotBeWrittenAreCounted(t *testing.T) {
	c := newCapture(t)
	// A file stands where the project's folder should be.
	blocker := filepath.Join(c.dir, "shop")
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(blocker, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.run(strings.Repeat("lost\n", 300_000), policy()) // The service is never held up,
	c.run("lost too\nand this", policy())              // nor is its next incarnation.
	if err := os.Remove(blocker); err != nil {
		t.Fatal(err)
	}
	c.run("kept\n", policy())
	wantLines(t, c.texts(), []string{"stderr [sysg] 300002 lines were dropped: not a directory", "stdout kept"})
	c.run("and no more reports\n", policy())
	wantLines(t, c.texts()[2:], []string{"stdout and no more reports"})
}

// A limit on the size of files cuts a write short in the way that a full disk
// does, and needs no privilege.
func TestAFullDiskCutsNoLine(t *testing.T) {
	c := newCapture(t)
	restore := limitFileSize(t, 1000)
	line := strings.Repeat("x", 100)
	c.run(strings.Repeat(line+"\n", 50), policy())
	full := c.texts() // fails if the last line is cut
	if len(full) < 5 || len(full) > 8 {
		t.Errorf("%d lines of 135 bytes in 1000", len(full))
	}
	restore()
	c.run("kept\n", policy())
	got := c.texts()[len(full):]
	want := []string{"stderr [sysg] " + itoa(50-len(full)) + " lines were dropped: file too large", "stdout kept"}
	wantLines(t, got, want)
}

func TestTheReportOfDroppedLinesIsWrittenAtTheEndToo(t *testing.T) {
	c := newCapture(t)
	writer := c.attach(Stdout, policy())
	write(t, writer, "kept\n")
	if got := <-follow(t, c, ""); got != "kept" {
		t.Fatalf("first line is %q", got)
	}
	restore := limitFileSize(t, 1)
	write(t, writer, "lost\n")
	c.sync() // Its pipe was ready later than the other's.
	restore()
	c.end(writer)
	wantLines(t, c.texts(), []string{"stdout kept", "stderr [sysg] 1 lines were dropped: file too large"})
}

// limitFileSize makes writes beyond size fail, for the whole process.
func limitFileSize(t *testing.T, size uint64) (restore func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	// The go command has package testing record the files and variables that
	// are used, in a file that the limit holds for. This empties its buffer,
	// so that it does not overflow before restore.
	os.Getenv(strings.Repeat("x", 3*4096))
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
