package logs

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/generation"
)

func itoa(n int) string { return strconv.Itoa(n) }

// numbered are count lines of varying length that begin with their number.
func numbered(from, count int) string {
	var text strings.Builder
	for i := from; i < from+count; i++ {
		fmt.Fprintf(&text, "%d %s\n", i, strings.Repeat("x", i%97))
	}
	return text.String()
}

// wantNumbers checks that lines carry the numbers from, from+1 …
func wantNumbers(t *testing.T, lines []string, from int) {
	t.Helper()
	for i, line := range lines {
		want := fmt.Sprintf("stdout %d %s", from+i, strings.Repeat("x", (from+i)%97))
		if line != want {
			t.Fatalf("line %d is %s, want %s", i, brief(line), brief(want))
		}
	}
}

func TestRotationLosesAndCutsNoLine(t *testing.T) {
	c := newCapture(t)
	small := generation.Logs{Sink: generation.SinkFile, MaxBytes: 20_000, MaxFiles: 1000}
	const count = 20_000
	c.run(numbered(0, count/2), small)
	c.run(numbered(count/2, count/2), small)

	var all []string
	files := 0
	for i := 1000; i >= 0; i-- {
		path := rotatedPath(c.path(), i)
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		files++
		if info.Size() > 20_000 || i > 0 && info.Size() < 19_000 {
			t.Errorf("%s has %d bytes", path, info.Size())
		}
		all = append(all, textsOf(t, path)...)
	}
	if files < 50 {
		t.Errorf("only %d files", files)
	}
	if len(all) != count {
		t.Errorf("%d lines, want %d", len(all), count)
	}
	wantNumbers(t, all, 0)
}

func TestRotationKeepsMaxFiles(t *testing.T) {
	for keep := range 4 {
		c := newCapture(t)
		c.run(numbered(0, 2000), generation.Logs{Sink: generation.SinkFile, MaxBytes: 5000, MaxFiles: 7})
		c.run(numbered(2000, 2000), generation.Logs{Sink: generation.SinkFile, MaxBytes: 5000, MaxFiles: keep})
		names, err := filepath.Glob(c.path() + "*")
		if err != nil {
			t.Fatal(err)
		}
		if len(names) != keep+1 {
			t.Errorf("max_files %d left %q", keep, names)
		}
		var all []string
		for i := keep; i >= 0; i-- {
			all = append(all, textsOf(t, rotatedPath(c.path(), i))...)
		}
		wantNumbers(t, all, 4000-len(all))
	}
}

func TestALineLargerThanTheFileHasOneOfItsOwn(t *testing.T) {
	c := newCapture(t)
	c.run("a\n"+strings.Repeat("b", 500)+"\nc\n", generation.Logs{Sink: generation.SinkFile, MaxBytes: 100, MaxFiles: 5})
	for i, want := range []string{"stdout c", "stdout " + strings.Repeat("b", 500), "stdout a"} {
		wantLines(t, textsOf(t, rotatedPath(c.path(), i)), []string{want})
	}
}

func TestShiftClosesAGap(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for _, i := range []int{0, 1, 3, 4, 6, 7} {
		if err := os.WriteFile(rotatedPath(path, i), []byte(itoa(i)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := shift(path, 5); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"", "0", "1", "3", "4", "", "", ""} {
		if content, _ := os.ReadFile(rotatedPath(path, i)); string(content) != want {
			t.Errorf(".%d holds %q, want %q", i, content, want)
		}
	}
}

func TestWhereRotationIsImpossibleLinesGoOn(t *testing.T) {
	c := newCapture(t)
	// A folder that is not empty cannot be renamed over by a file.
	for _, name := range []string{".1/x", ".2/x"} {
		if err := os.MkdirAll(c.path()+name, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	c.run(numbered(0, 500), generation.Logs{Sink: generation.SinkFile, MaxBytes: 5000, MaxFiles: 1})
	got := c.texts()
	if len(got) != 500 {
		t.Errorf("%d lines, want 500", len(got))
	}
	wantNumbers(t, got, 0)
}

func TestATruncatedFileIsNotRotatedEarly(t *testing.T) {
	c := newCapture(t)
	small := generation.Logs{Sink: generation.SinkFile, MaxBytes: 5000, MaxFiles: 5}
	writer := c.attach(Stdout, small)
	lines := follow(t, c, "")
	write(t, writer, strings.Repeat("x", 4000)+"\n")
	<-lines
	if err := os.Truncate(c.path(), 0); err != nil {
		t.Fatal(err)
	}
	write(t, writer, strings.Repeat("y", 4000)+"\n")
	c.end(writer)
	wantLines(t, c.texts(), []string{"stdout " + strings.Repeat("y", 4000)})
	if exists(rotatedPath(c.path(), 1)) {
		t.Error("the truncated file was rotated")
	}
}
