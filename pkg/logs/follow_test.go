package logs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/generation"
)

// follow sends the texts of the service's lines from its beginning.
func follow(t *testing.T, c *capture, stream string) <-chan string {
	t.Helper()
	return followFrom(t, c, stream, Position{})
}

func followFrom(t *testing.T, c *capture, stream string, from Position) <-chan string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	lines, ended := make(chan string, 100_000), make(chan error, 1)
	go func() {
		ended <- Follow(ctx, c.dir, "shop", "web", Query{Stream: stream}, from, func(line Line) error {
			lines <- line.Text
			return nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Follow ended with %v", err)
		}
	})
	return lines
}

func TestFollowBeginsBeforeTheFirstLine(t *testing.T) {
	c := newCapture(t)
	lines := follow(t, c, Stdout)
	out, errs := c.attach(Stdout, policy()), c.attach(Stderr, policy())
	for i := range 100 {
		write(t, errs, "not this\n")
		write(t, out, fmt.Sprintf("%d\n", i))
		if got := <-lines; got != itoa(i) {
			t.Fatalf("line %d is %q", i, got)
		}
	}
}

func TestWhatWasWrittenBeforeTheEndIsEmitted(t *testing.T) {
	c := newCapture(t)
	out := c.attach(Stdout, policy())
	seen := follow(t, c, Stdout)
	write(t, out, "hello\n")
	<-seen
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var got []string
	err := Follow(ctx, c.dir, "shop", "web", Query{}, Position{}, func(line Line) error {
		got = append(got, line.Text)
		return nil
	})
	if !errors.Is(err, context.Canceled) || len(got) != 1 || got[0] != "hello" {
		t.Errorf("%q, %v", got, err)
	}
}

// The story: lines are written all the time, files are rotated and deleted, a
// reader takes the last lines and goes on from there. It sees every line once.
func TestNothingIsLostBetweenTailAndFollow(t *testing.T) {
	c := newCapture(t)
	const count = 30_000
	writer := c.attach(Stdout, generation.Logs{Sink: generation.SinkFile, MaxBytes: 30_000, MaxFiles: 200})
	go func() {
		defer writer.Close()
		for i := 0; i < count; i += 10 {
			if _, err := writer.WriteString(numbered(i, 10)); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	early := follow(t, c, "")
	for range 500 {
		<-early // By now some are written, and more are to come.
	}
	var tails []<-chan string
	var next []int
	for range 5 {
		lines, position, err := Tail(c.dir, "shop", "web", 50, Query{})
		if err != nil {
			t.Fatal(err)
		}
		first := numberOf(t, lines[0].Text)
		for i, line := range lines {
			if got := numberOf(t, line.Text); got != first+i {
				t.Fatalf("Tail: line %d after %d", got, first+i-1)
			}
		}
		tails = append(tails, followFrom(t, c, "", position))
		next = append(next, first+len(lines))
	}
	for i, tail := range append(tails, early) {
		want := 500
		if i < len(next) {
			want = next[i]
		}
		for ; want < count; want++ {
			if got := numberOf(t, <-tail); got != want {
				t.Fatalf("follower %d: line %d, want %d", i, got, want)
			}
		}
	}
	<-c.drained
	if !exists(rotatedPath(c.path(), 20)) {
		t.Error("there was hardly any rotation")
	}
}

func numberOf(t *testing.T, text string) int {
	t.Helper()
	var n int
	if _, err := fmt.Sscanf(text, "%d ", &n); err != nil {
		t.Fatalf("line %q: %v", text, err)
	}
	return n
}

func TestFollowSeesTruncation(t *testing.T) {
	c := newCapture(t)
	writer := c.attach(Stdout, policy())
	lines := follow(t, c, "")
	write(t, writer, "a long line before it\n")
	if got := <-lines; got != "a long line before it" {
		t.Fatalf("got %q", got)
	}
	if err := os.Truncate(c.path(), 0); err != nil {
		t.Fatal(err)
	}
	write(t, writer, "after\n")
	if got := <-lines; got != "after" {
		t.Errorf("got %q", got)
	}
}

func TestFollowGoesOnWhereAFileWasDeletedOrReplaced(t *testing.T) {
	c := newCapture(t)
	c.run("old\n", generation.Logs{Sink: generation.SinkFile, MaxBytes: 10, MaxFiles: 2})
	c.run("one\n", generation.Logs{Sink: generation.SinkFile, MaxBytes: 10, MaxFiles: 2})
	_, position, err := Tail(c.dir, "shop", "web", 0, Query{})
	if err != nil {
		t.Fatal(err)
	}
	lines := followFrom(t, c, "", position)
	if err := os.Remove(c.path()); err != nil {
		t.Fatal(err)
	}
	c.run("two\n", policy())
	if got := <-lines; got != "two" {
		t.Errorf("got %q, want the line of the new file only", got)
	}
}

func TestALateFollowerGoesOnWithTheOldestFileLeft(t *testing.T) {
	c := newCapture(t)
	single := generation.Logs{Sink: generation.SinkFile, MaxBytes: 10, MaxFiles: 2}
	c.run("0\n", single)
	_, position, err := Tail(c.dir, "shop", "web", 0, Query{})
	if err != nil {
		t.Fatal(err)
	}
	c.run("1\n2\n3\n4\n", single)
	lines := followFrom(t, c, "", position)
	for _, want := range []string{"2", "3", "4"} {
		if got := <-lines; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestFollowAllTellsTheServicesApart(t *testing.T) {
	c := newCapture(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var all []Followed
	var writers []*os.File
	for i := range 10 {
		name := "web" + itoa(i)
		all = append(all, Followed{Project: "shop", Service: name})
		writers = append(writers, c.attachSource(Source{Project: "shop", Service: name, Stream: Stdout, Policy: policy()}))
	}
	const count = 1000
	for i, writer := range writers {
		go func() {
			for n := range count {
				_, _ = fmt.Fprintf(writer, "%d %d\n", i, n)
			}
		}()
	}
	seen := make([]int, len(all))
	total := 0
	err := FollowAll(ctx, c.dir, all, Query{}, func(i int, line Line) error {
		if want := fmt.Sprintf("%d %d", i, seen[i]); line.Text != want {
			t.Errorf("got %q, want %q", line.Text, want)
		}
		seen[i]++
		if total++; total == count*len(all) {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestFollowReturnsTheErrorOfItsReader(t *testing.T) {
	c := newCapture(t)
	c.run("one\ntwo\n", policy())
	gone := errors.New("the client is gone")
	err := Follow(context.Background(), c.dir, "shop", "web", Query{}, Position{}, func(Line) error { return gone })
	if err != gone {
		t.Errorf("Follow = %v", err)
	}
	if n := openFiles(t, c.dir); n != 0 {
		t.Errorf("%d files left open", n)
	}
}

func TestFollowTakesForeignLinesAsTheyAre(t *testing.T) {
	c := newCapture(t)
	lines := follow(t, c, "")
	c.run("one\n", policy())
	<-lines
	file, err := os.OpenFile(c.path(), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	huge := strings.Repeat("x", 2*blockSize+5)
	write(t, file, huge+"\nshort\n")
	joined := ""
	for len(joined) < len(huge) {
		joined += <-lines
	}
	if joined != huge {
		t.Error("the long line is not what was written")
	}
	if got := <-lines; got != "short" {
		t.Errorf("got %q", got)
	}
}
