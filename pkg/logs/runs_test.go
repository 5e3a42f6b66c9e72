package logs

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"systemg.org/sysg/pkg/generation"
)

// textsOfRun are the lines of one run, read forwards and backwards.
func (c *capture) textsOfRun(incarnation string) []string {
	c.t.Helper()
	var forwards, backwards []string
	q := Query{Runs: []string{incarnation}}
	for line, err := range History(c.dir, "shop", "web", q) {
		if err != nil {
			c.t.Fatal(err)
		}
		forwards = append(forwards, line.Text)
	}
	lines, _, err := Tail(c.dir, "shop", "web", 1<<30, q)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, line := range lines {
		backwards = append(backwards, line.Text)
	}
	wantLines(c.t, backwards, forwards)
	return forwards
}

func TestLinesAreThoseOfTheirRun(t *testing.T) {
	for name, policy := range map[string]generation.Logs{"text": policy(), "raw": rawPolicy(1 << 20)} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(t)
			var want [3][]string
			var writers [3]*os.File
			for i := range writers {
				writers[i] = c.attachSource(Source{Project: "shop", Service: "web", Incarnation: fmt.Sprintf("run%d", i), Stream: Stdout, Policy: policy})
			}
			for n := range 40 {
				i := n * n % 3
				text := fmt.Sprintf("line %d", n)
				write(t, writers[i], text+"\n")
				want[i] = append(want[i], text)
				waitUntilLogged(t, c, text)
			}
			for i := range writers {
				c.end(writers[i])
				wantLines(t, c.textsOfRun(fmt.Sprintf("run%d", i)), want[i])
			}
		})
	}
}

// waitUntilLogged keeps the lines of several pipes in the order of their writing.
func waitUntilLogged(t *testing.T, c *capture, text string) {
	t.Helper()
	eventually(t, func() bool {
		content, _ := os.ReadFile(c.path())
		return strings.HasSuffix(string(content), text+"\n")
	})
}

func TestRunsAreKnownOverRotationRestartAndTruncation(t *testing.T) {
	c := newCapture(t)
	small := policy()
	small.MaxBytes = 4 << 10
	run := func(incarnation, text string, lines int) {
		writer := c.attachSource(Source{Project: "shop", Service: "web", Incarnation: incarnation, Stream: Stdout, Policy: small})
		for n := range lines {
			write(t, writer, fmt.Sprintf("%s %d\n", text, n))
		}
		c.end(writer)
	}
	run("a", "first", 90)
	run("b", "second", 90)
	if got := c.textsOfRun("a"); len(got) != 90 || got[89] != "first 89" {
		t.Fatalf("of the first run there are %d lines", len(got))
	}
	c.Close()
	c.start()
	run("b", "second again", 5)
	if got := c.textsOfRun("b"); len(got) != 95 {
		t.Fatalf("of the second run there are %d lines", len(got))
	}
	if err := os.Truncate(c.path(), 0); err != nil {
		t.Fatal(err)
	}
	run("d", "after", 3)
	wantLines(t, c.textsOfRun("d"), []string{"after 0", "after 1", "after 2"})
	for _, line := range c.textsOfRun("b") {
		if strings.HasPrefix(line, "after") {
			t.Fatalf("%q is not of the second run", line)
		}
	}
}

func TestTheRecordsOfDeletedFilesGo(t *testing.T) {
	c := newCapture(t)
	tiny := policy()
	tiny.MaxBytes, tiny.MaxFiles = 200, 2
	for n := range 1000 {
		writer := c.attachSource(Source{Project: "shop", Service: "web", Incarnation: fmt.Sprintf("%032d", n), Stream: Stdout, Policy: tiny})
		write(t, writer, fmt.Sprintf("line of %d\n", n))
		c.end(writer)
	}
	info, err := os.Stat(runsPath(c.path()))
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > runsEnough+200 {
		t.Errorf("the records have %d bytes", info.Size())
	}
	wantLines(t, c.textsOfRun(fmt.Sprintf("%032d", 999)), []string{"line of 999"})
}

// eventually waits for what has no event of its own.
func eventually(t *testing.T, is func() bool) {
	t.Helper()
	for range 10_000 {
		if is() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("it did not come to pass")
}

func TestARunThatGoesOnAfterATruncationIsKnown(t *testing.T) {
	truncateUnder(t, policy())
	truncateUnder(t, rawPolicy(1<<20))
}

func truncateUnder(t *testing.T, policy generation.Logs) {
	c := newCapture(t)
	first := c.attachSource(Source{Project: "shop", Service: "web", Incarnation: "a", Stream: Stdout, Policy: policy})
	write(t, first, "of a, and long enough to be there\n")
	c.end(first)
	second := c.attachSource(Source{Project: "shop", Service: "web", Incarnation: "b", Stream: Stdout, Policy: policy})
	write(t, second, "of b\n")
	waitUntilLogged(t, c, "of b")
	if err := os.Truncate(c.path(), 0); err != nil {
		t.Fatal(err)
	}
	write(t, second, "of b again\n")
	c.end(second)
	wantLines(t, c.textsOfRun("b"), []string{"of b again"})
	wantLines(t, c.textsOfRun("a"), nil)
}
