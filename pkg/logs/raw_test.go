package logs

import (
	"os"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/generation"
)

// rawPolicy rotates after size bytes.
func rawPolicy(size uint64) generation.Logs {
	return generation.Logs{Sink: generation.SinkFile, Format: generation.FormatRaw, MaxBytes: size, MaxFiles: 1000}
}

func wantContent(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s holds %s, want %s", path, brief(string(got)), brief(want))
	}
}

func TestRawBytesAreKeptAsTheyAre(t *testing.T) {
	c := newCapture(t)
	c.run("one\n\xff\x00 no newline", rawPolicy(1<<20))
	stderr := c.attach(Stderr, rawPolicy(1<<20))
	write(t, stderr, ", and on\n")
	c.end(stderr)
	wantContent(t, c.path(), "one\n\xff\x00 no newline, and on\n")
}

func TestRawFilesAreRotatedAtTheirExactSize(t *testing.T) {
	c := newCapture(t)
	text := numbered(0, 10_000)
	c.run(text[:100_000], rawPolicy(7000))
	c.run(text[100_000:], rawPolicy(7000))
	last := (len(text) - 1) / 7000
	for i := range last + 1 {
		wantContent(t, rotatedPath(c.path(), last-i), text[i*7000:min(len(text), (i+1)*7000)])
	}
}

func TestRawBytesThatCannotBeWrittenAreCounted(t *testing.T) {
	c := newCapture(t)
	restore := limitFileSize(t, 1000)
	c.run(strings.Repeat("x", 5000), rawPolicy(1<<20))
	restore()
	c.run("kept", rawPolicy(1<<20))
	content, err := os.ReadFile(c.path())
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(content), "\n")
	if len(lines) != 3 || lines[0] != strings.Repeat("x", 1000) || lines[2] != "kept" ||
		Parse(lines[1]).Text != "[sysg] 4000 bytes were dropped: file too large" {
		t.Errorf("the log holds %q", lines)
	}
}

func TestATruncatedRawFileHasNoHole(t *testing.T) {
	c := newCapture(t)
	writer := c.attach(Stdout, rawPolicy(1<<20))
	lines := follow(t, c, "")
	write(t, writer, "before\n")
	<-lines
	if err := os.Truncate(c.path(), 0); err != nil {
		t.Fatal(err)
	}
	write(t, writer, "after\n")
	c.end(writer)
	wantContent(t, c.path(), "after\n")
}

func TestOneFileCanChangeItsFormat(t *testing.T) {
	c := newCapture(t)
	c.run("raw\nhalf", rawPolicy(1<<20))
	c.run("text\n", policy())
	c.run("raw again", rawPolicy(1<<20))
	content, err := os.ReadFile(c.path())
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(content), "\n")
	if len(lines) != 4 || lines[0] != "raw" || lines[1] != "half" || Parse(lines[2]).Text != "text" || lines[3] != "raw again" {
		t.Errorf("the log holds %q", lines)
	}
}
