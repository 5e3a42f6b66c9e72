package logs

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/generation"
)

func TestTailReadsBackOverRotatedFiles(t *testing.T) {
	c := newCapture(t)
	small := generation.Logs{Sink: generation.SinkFile, MaxBytes: 150_000, MaxFiles: 100}
	out, errs := c.attach(Stdout, small), c.attach(Stderr, small)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 3000 {
		writer := out
		if i%3 == 0 {
			writer = errs
		}
		write(t, writer, fmt.Sprintf("%d %s\n", i, strings.Repeat("x", random.IntN(600))))
	}
	c.end(out)
	c.end(errs)
	var all []string
	for i := 100; i >= 0; i-- {
		if path := rotatedPath(c.path(), i); exists(path) {
			all = append(all, textsOf(t, path)...)
		}
	}
	if len(all) != 3000 {
		t.Fatalf("%d lines in the files", len(all))
	}
	for _, stream := range []string{"", Stdout, Stderr} {
		of := slices.DeleteFunc(slices.Clone(all), func(line string) bool { return !strings.HasPrefix(line, stream) })
		for _, n := range []int{0, 1, 2, 400, 999, 1000, 3000, 5000} {
			lines, _, err := Tail(c.dir, "shop", "web", n, Query{Stream: stream})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, line := range lines {
				got = append(got, line.Stream+" "+line.Text)
			}
			wantLines(t, got, of[max(len(of)-n, 0):])
		}
	}
}

func TestTailOfNothing(t *testing.T) {
	dir := t.TempDir()
	lines, position, err := Tail(dir, "shop", "web", 10, Query{})
	if len(lines) != 0 || position != (Position{}) || err != nil {
		t.Errorf("Tail = %v, %v, %v", lines, position, err)
	}
	if _, _, err := Tail(dir, "..", "web", 10, Query{}); err == nil {
		t.Error("Tail leaves its folder")
	}
	if err := os.MkdirAll(filepath.Join(dir, "shop", "web.log"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Tail(dir, "shop", "web", 10, Query{}); err == nil {
		t.Error("Tail reads a folder")
	}
}

func TestTailLeavesOutALineThatIsBeingWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shop", "web.log")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	whole := "2026-01-02T03:04:05.123456Z stdout whole\n"
	half := "2026-01-02T03:04:05.123456Z stdo" + strings.Repeat("x", 3*blockSize)
	for content, want := range map[string]int64{
		whole + half: int64(len(whole)), whole: int64(len(whole)), half: 0, "": 0,
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		lines, position, err := Tail(filepath.Dir(filepath.Dir(path)), "shop", "web", 5, Query{})
		if err != nil {
			t.Fatal(err)
		}
		if position.offset != want || len(lines) != int(min(want, 1)) {
			t.Errorf("%d bytes: %d lines up to %d, want up to %d", len(content), len(lines), position.offset, want)
		}
	}
}

func FuzzBackwardsFindsEveryLine(f *testing.F) {
	f.Add([]byte("a\nb\n"), uint8(0))
	f.Add([]byte("\n\n"), uint8(3))
	f.Add([]byte("no newline"), uint8(200))
	f.Fuzz(func(t *testing.T, content []byte, pad uint8) {
		// Padding moves lines over the borders of blocks.
		padding := bytes.Repeat([]byte("0123456789abcde\n"), int(pad)*blockSize/16/64)
		content = append(padding, content...)
		var want []string
		if len(content) > 0 {
			want = strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
		}
		var got []string
		err := backwards(bytes.NewReader(content), int64(len(content)), func(line []byte, _ int64) bool {
			got = append(got, string(line))
			return true
		})
		slices.Reverse(got)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("got %d lines, want %d, %v", len(got), len(want), err)
		}
	})
}

func TestBackwardsIsBoundedByTheBlock(t *testing.T) {
	content := "first\n" + strings.Repeat("x", 10*blockSize) + "\nlast\n"
	joined, pieces := "", 0
	err := backwards(strings.NewReader(content), int64(len(content)), func(line []byte, _ int64) bool {
		if len(line) > 2*blockSize {
			t.Errorf("a piece of %d bytes", len(line))
		}
		joined = string(line) + joined
		pieces++
		return true
	})
	if want := strings.ReplaceAll(content, "\n", ""); err != nil || joined != want || pieces < 7 {
		t.Errorf("%d pieces, %d bytes, want %d; %v", pieces, len(joined), len(want), err)
	}
}
