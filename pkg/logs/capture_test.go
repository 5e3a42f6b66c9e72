package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"systemg.org/sysg/pkg/generation"
)

func TestLinesAreKeptByteForByteInOrder(t *testing.T) {
	c := newCapture(t)
	before := time.Now().Truncate(time.Microsecond)
	c.run("one\n\nthree \xff\xfe\x00\ttabs\r\n  four", policy())
	wantLines(t, c.texts(), []string{"stdout one", "stdout ", "stdout three \xff\xfe\x00\ttabs\r", "stdout   four"})

	content, err := os.ReadFile(c.path())
	if err != nil {
		t.Fatal(err)
	}
	line := Parse(strings.SplitN(string(content), "\n", 2)[0])
	if line.Time.Before(before) || line.Time.After(time.Now()) {
		t.Errorf("the line's time is %v, written after %v", line.Time, before)
	}
}

func TestALineWrittenInPiecesIsOneLine(t *testing.T) {
	c := newCapture(t)
	stdout, stderr := c.attach(Stdout, policy()), c.attach(Stderr, policy())
	write(t, stdout, "be")
	write(t, stderr, "other\n")
	if got := <-follow(t, c, Stderr); got != "other" {
		t.Fatalf("first line is %q", got)
	}
	write(t, stdout, "gin")
	write(t, stdout, "ning\nend")
	c.end(stdout)
	c.end(stderr)
	wantLines(t, c.texts(), []string{"stderr other", "stdout beginning", "stdout end"})
}

func TestDrainedTellsWhichPipeEnded(t *testing.T) {
	c := newCapture(t)
	want := Drained{"shop", "web", "abc", Stderr, "health", nil}
	writer := c.attachSource(Source{
		Project: want.Project, Service: want.Service, Incarnation: want.Incarnation,
		Stream: want.Stream, Label: want.Label, Policy: policy(),
	})
	write(t, writer, "bad\nworse")
	if got := c.end(writer); got != want {
		t.Errorf("drained %+v, want %+v", got, want)
	}
	wantLines(t, c.texts(), []string{"stderr [health] bad", "stderr [health] worse"})
}

func TestALongLineIsSplitAndMarked(t *testing.T) {
	for _, size := range []int{MaxLine - 1, MaxLine, MaxLine + 1, 2 * MaxLine, 5*MaxLine + 7, 3 * readSize} {
		for _, end := range []string{"\nnext\n", ""} {
			c := newCapture(t)
			text := strings.Repeat("0123456789abcde\xff", size/16+1)[:size]
			c.run(text+end, policy())
			got := c.texts()
			if end != "" {
				if last := got[len(got)-1]; last != "stdout next" {
					t.Errorf("the line after it is %q", last)
				}
				got = got[:len(got)-1]
			}
			if want := (size + MaxLine - 1) / MaxLine; len(got) != want {
				t.Errorf("%d bytes became %d lines, want %d", size, len(got), want)
			}
			joined := ""
			for i, line := range got {
				piece := strings.TrimPrefix(line, "stdout ")
				if i < len(got)-1 {
					var marked bool
					if piece, marked = strings.CutSuffix(piece, SplitMark); !marked {
						t.Errorf("piece %d of %d is not marked", i, len(got))
					}
				}
				if len(piece) > MaxLine {
					t.Errorf("piece %d has %d bytes", i, len(piece))
				}
				joined += piece
			}
			if joined != text {
				t.Errorf("%d bytes do not come back from their pieces", size)
			}
		}
	}
}

// sysgd's umask is 0077, and 0027 in the system's instance.
func TestTheUmaskSaysWhoMayReadTheFiles(t *testing.T) {
	for umask, want := range map[int][2]fs.FileMode{0o077: {0o700, 0o600}, 0o027: {0o750, 0o640}} {
		before := syscall.Umask(umask)
		c := newCapture(t)
		c.run("secret\n", policy())
		syscall.Umask(before)
		for path, want := range map[string]fs.FileMode{
			c.dir: want[0] | fs.ModeDir, filepath.Dir(c.path()): want[0] | fs.ModeDir, c.path(): want[1],
		} {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode() != want {
				t.Errorf("umask %03o: %s has mode %v, want %v", umask, path, info.Mode(), want)
			}
		}
	}
}

func TestAFileIsOpenOnlyWhileAPipeIs(t *testing.T) {
	c := newCapture(t)
	silent := c.attach(Stdout, policy())
	first := c.attach(Stdout, policy())
	write(t, first, "one\n")
	c.end(first)
	if n := openFiles(t, c.dir); n != 1 {
		t.Errorf("%d files open, want 1 shared by the service's pipes", n)
	}
	c.run("two\n", policy())
	c.end(silent)
	c.sync()
	if n := openFiles(t, c.dir); n != 0 {
		t.Errorf("%d files open without a pipe", n)
	}
	c.run("three\n", policy())
	wantLines(t, c.texts(), []string{"stdout one", "stdout two", "stdout three"})
}

// sync returns when the goroutine is past what was there before: it reports a
// pipe before it reads the next.
func (c *capture) sync() {
	c.t.Helper()
	c.end(c.attachSource(Source{Project: "sync", Service: "sync", Stream: Stdout, Policy: generation.Logs{Sink: generation.SinkNone}}))
}

func TestSinkNoneReadsAndDiscards(t *testing.T) {
	c := newCapture(t)
	c.run(strings.Repeat("much more than a pipe holds\n", 10_000), generation.Logs{Sink: generation.SinkNone})
	if _, err := os.Lstat(c.path()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
}

func TestATornLineIsEndedBeforeTheNext(t *testing.T) {
	c := newCapture(t)
	if err := os.MkdirAll(filepath.Dir(c.path()), 0o700); err != nil {
		t.Fatal(err)
	}
	torn := "2026-01-02T03:04:05.123456Z stdout the daemon di"
	if err := os.WriteFile(c.path(), []byte(torn), 0o600); err != nil {
		t.Fatal(err)
	}
	c.run("new\n", policy())
	wantLines(t, c.texts(), []string{"stdout the daemon di", "stdout new"})
}

func TestCloseTakesWhatIsThereAndDoesNotWait(t *testing.T) {
	c := newCapture(t)
	var want []string
	for i := range 20 {
		writer := c.attachSource(Source{Project: "shop", Service: "web", Stream: Stdout, Policy: policy()})
		write(t, writer, fmt.Sprintf("%d\n", i))
		want = append(want, fmt.Sprintf("stdout %d", i))
	}
	c.Close() // The pipes are all still open at their other ends.

	got := c.texts()
	seen := map[string]bool{}
	for _, line := range got {
		seen[line] = true
	}
	for _, line := range want {
		if !seen[line] {
			t.Errorf("%q is missing", line)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d lines, want %d", len(got), len(want))
	}
	if len(c.drained) != 0 {
		t.Errorf("drained was called: %+v", <-c.drained)
	}
	c.Close() // A second time is harmless,
	late := c.attach(Stdout, policy())
	if _, err := late.WriteString("x"); err == nil { // and a late pipe is closed.
		t.Error("a pipe attached after Close is open")
	}
}

func TestALineThatIsUnfinishedAtCloseGoesOnInTheNextCapture(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	source := Source{Project: "shop", Service: "web", Incarnation: "1", Stream: Stderr, Policy: policy()}
	c := newCapture(t)
	for _, piece := range []string{"half a li", "ne\nand ano", "ther"} {
		write(t, writer, piece)
		c.attachAgain(source, reader)
		c.Close()
		c.start()
	}
	c.attachAgain(source, reader)
	c.end(writer)
	wantLines(t, c.texts(), []string{"stderr half a line", "stderr and another"})
}

// attachAgain attaches a copy of a pipe's read end.
func (c *capture) attachAgain(s Source, reader *os.File) {
	c.t.Helper()
	fd, err := syscall.Dup(int(reader.Fd()))
	if err != nil {
		c.t.Fatal(err)
	}
	s.Pipe = os.NewFile(uintptr(fd), "pipe")
	c.Attach(s)
}

func TestWhatNobodyClaimsIsWrittenInTheEnd(t *testing.T) {
	c := newCapture(t)
	write(t, c.attach(Stdout, policy()), "last wor") // as incarnation 1
	c.Close()
	c.start()
	c.Close() // It may have seen no pipe since nobody handed any over,
	c.start()
	writer := c.attachSource(Source{Project: "shop", Service: "web", Incarnation: "2", Stream: Stdout, Policy: policy()})
	write(t, writer, "first\n")
	c.end(writer)
	c.Close() // and this one has.
	wantLines(t, c.texts(), []string{"stdout first", "stdout last wor" + SplitMark})
}

func TestCloseEndsAlthoughAServiceWritesOn(t *testing.T) {
	c := newCapture(t)
	writer := c.attach(Stdout, generation.Logs{Sink: generation.SinkNone})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			if _, err := writer.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	}()
	c.Close()
	<-stopped // The pipe's only read end is closed.
}

func TestAPipeThatCannotBeCapturedIsReported(t *testing.T) {
	c := newCapture(t)
	writer := c.attachSource(Source{Project: "..", Service: "web", Incarnation: "7", Stream: Stdout, Policy: policy()})
	if d := <-c.drained; d.Err == nil || d.Incarnation != "7" {
		t.Errorf("drained %+v, want an error", d)
	}
	if _, err := writer.WriteString("x"); err == nil {
		t.Error("its pipe is still open")
	}
}
