package logs

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"systemg.org/sysg/pkg/generation"
)

// policy is one that never rotates in a test.
func policy() generation.Logs {
	return generation.Logs{Sink: generation.SinkFile, MaxBytes: 1 << 30, MaxFiles: 5}
}

// capture is a Capture with what a test wants to know of it.
type capture struct {
	*Capture
	t       *testing.T
	dir     string
	spool   string
	drained chan Drained
	journal io.Writer
	lost    func(Lost)
}

func (c *capture) options() Options {
	return Options{Dir: c.dir, Spool: c.spool, Journal: c.journal, Lost: c.lost, Drained: func(d Drained) { c.drained <- d }}
}

func newCapture(t *testing.T) *capture {
	t.Helper()
	return newCaptureWith(t, nil)
}

func newCaptureWith(t *testing.T, journal io.Writer) *capture {
	t.Helper()
	root := t.TempDir()
	c := &capture{t: t, journal: journal, dir: filepath.Join(root, "logs"), spool: filepath.Join(root, "spool"), drained: make(chan Drained, 100)}
	c.start()
	return c
}

// start begins to capture, or goes on where a Capture was closed.
func (c *capture) start() {
	t := c.t
	t.Helper()
	var err error
	if c.Capture, err = New(c.options()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Capture.Close)
}

// attach connects a new pipe as stream of the service web and returns its
// write end.
func (c *capture) attach(stream string, policy generation.Logs) *os.File {
	c.t.Helper()
	return c.attachSource(Source{Project: "shop", Service: "web", Incarnation: "1", Stream: stream, Policy: policy})
}

func (c *capture) attachSource(s Source) *os.File {
	c.t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		c.t.Fatal(err)
	}
	s.Pipe = reader
	c.Attach(s)
	c.t.Cleanup(func() { _ = writer.Close() })
	return writer
}

// run writes text as one incarnation's stdout and waits until it is drained.
func (c *capture) run(text string, policy generation.Logs) {
	c.t.Helper()
	writer := c.attach(Stdout, policy)
	write(c.t, writer, text)
	c.end(writer)
}

func (c *capture) end(writer *os.File) Drained {
	c.t.Helper()
	if err := writer.Close(); err != nil {
		c.t.Fatal(err)
	}
	return <-c.drained
}

func (c *capture) path() string { return filepath.Join(c.dir, "shop", "web.log") }

// texts are the lines of the current file as "stream text".
func (c *capture) texts() []string {
	c.t.Helper()
	return textsOf(c.t, c.path())
}

func textsOf(t *testing.T, path string) []string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text, whole := strings.CutSuffix(string(content), "\n")
	if !whole {
		t.Fatalf("%s does not end with a newline: %q", path, content)
	}
	var lines []string
	for _, one := range strings.Split(text, "\n") {
		line := Parse(one)
		if line.Time.IsZero() {
			t.Errorf("%s: %q is not in our form", path, one)
		}
		lines = append(lines, line.Stream+" "+line.Text)
	}
	return lines
}

func write(t *testing.T, writer *os.File, text string) {
	t.Helper()
	if _, err := writer.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// wantLines compares and prints the first difference.
func wantLines(t *testing.T, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		g, w := "(nothing)", "(nothing)"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Fatalf("line %d of %d: got %s, want %s (of %d)", i, len(got), brief(g), brief(w), len(want))
		}
	}
}

func brief(text string) string {
	if len(text) > 120 {
		return fmt.Sprintf("%q… (%d bytes)", text[:120], len(text))
	}
	return fmt.Sprintf("%q", text)
}

// allocated is how many bytes a file takes on its file system.
func allocated(t *testing.T, file *os.File) int64 {
	t.Helper()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Blocks * 512
}

// openFiles counts this process's descriptors of files below dir.
func openFiles(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, entry := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + entry.Name()); err == nil && strings.HasPrefix(target, dir) {
			count++
		}
	}
	return count
}
