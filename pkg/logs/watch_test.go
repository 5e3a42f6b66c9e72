package logs

import (
	"regexp"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/generation"
)

// watchFor waits for lines of a pattern; what it found arrives on the channel.
func watchFor(pattern string) (*Watch, chan string) {
	found := make(chan string, 10)
	return &Watch{Match: regexp.MustCompile(pattern).Match, Found: func(line []byte) { found <- string(line) }}, found
}

func TestAWatchIsToldOfItsLineOnce(t *testing.T) {
	none := policy()
	none.Sink = generation.SinkNone
	for name, policy := range map[string]generation.Logs{"text": policy(), "raw": rawPolicy(1 << 20), "discarded": none} {
		for text, want := range map[string]string{
			"starting\nready on 80\nready on 81\n":                       "ready on 80",
			"starting\nready at the end":                                 "ready at the end",
			strings.Repeat("x", 3*MaxLine+7) + "ready\nready\n":          strings.Repeat("x", 7) + "ready",
			strings.Repeat("y\n", 200_000) + "ready after much\nready\n": "ready after much",
			"nothing of the kind\n":                                      "",
		} {
			c := newCapture(t)
			watch, found := watchFor("^x*ready")
			writer := c.attachSource(Source{Project: "shop", Service: "web", Incarnation: "1", Stream: Stdout, Policy: policy, Watch: watch})
			write(t, writer, text)
			c.end(writer)
			close(found)
			if got := <-found; got != want {
				t.Errorf("%s, %s: found %s, want %s", name, brief(text), brief(got), brief(want))
			}
			if again := <-found; again != "" {
				t.Errorf("%s, %s: found %s as well", name, brief(text), brief(again))
			}
			c.Close()
		}
	}
}

func TestAWatchSeesALineThatCameInPieces(t *testing.T) {
	for name, policy := range map[string]generation.Logs{"text": policy(), "raw": rawPolicy(1 << 20)} {
		c := newCapture(t)
		watch, found := watchFor("^ready$")
		writer := c.attachSource(Source{Project: "shop", Service: "web", Incarnation: "1", Stream: Stdout, Policy: policy, Watch: watch})
		other := c.attachSource(Source{Project: "shop", Service: "web", Incarnation: "1", Stream: Stderr, Policy: policy, Watch: watch})
		write(t, writer, "re")
		write(t, other, "ready not\n")
		write(t, other, "re")
		write(t, writer, "ady\n")
		if got := <-found; got != "ready" {
			t.Errorf("%s: found %q", name, got)
		}
		c.Close()
	}
}

func TestAWatchSeesWhatAnEarlierCaptureWrote(t *testing.T) {
	for name, policy := range map[string]generation.Logs{"text": policy(), "raw": rawPolicy(1 << 20)} {
		c := newCapture(t)
		before := c.attachSource(Source{Project: "shop", Service: "web", Incarnation: "0", Stream: Stdout, Policy: policy})
		write(t, before, "ready of another run\n")
		c.end(before)
		writer := c.attachSource(Source{Project: "shop", Service: "web", Incarnation: "1", Stream: Stdout, Policy: policy})
		write(t, writer, "starting\nready at last\n")
		c.Close()
		c.start()
		watch, found := watchFor("^ready")
		c.attachSource(Source{Project: "shop", Service: "web", Incarnation: "1", Stream: Stdout, Policy: policy, Watch: watch})
		if got := <-found; got != "ready at last" {
			t.Errorf("%s: found %q", name, got)
		}
		c.Close()
	}
}
