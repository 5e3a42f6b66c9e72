package logs

import (
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"systemg.org/sysg/pkg/generation"
)

// journal is a fake journald: it keeps entries, or is away.
type journal struct {
	mu      sync.Mutex
	entries []string
	away    bool
}

func (j *journal) Write(entry []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.away {
		return 0, errors.New("away")
	}
	j.entries = append(j.entries, string(entry))
	return len(entry), nil
}

func journalPolicy() generation.Logs {
	journal := policy()
	journal.Sink = generation.SinkJournal
	return journal
}

func TestLinesGoToTheJournalWithTheirFields(t *testing.T) {
	j := &journal{}
	c := newCaptureWith(t, j)
	for _, s := range []Source{
		{Stream: Stdout, Incarnation: "7", PID: 42},
		{Stream: Stderr, Incarnation: "8", PID: 43, Label: "hook onerr"},
	} {
		s.Project, s.Service, s.Policy = "shop", "web", journalPolicy()
		writer := c.attachSource(s)
		write(t, writer, "one \xff\n"+strings.Repeat("x", MaxLine+1))
		c.end(writer)
	}
	rest := "SYSLOG_IDENTIFIER=web\nSYSG_PROJECT=shop\nSYSG_SERVICE=web\nSYSG_INVOCATION_ID="
	wantLines(t, j.entries, []string{
		"MESSAGE=one \xff\nPRIORITY=6\n" + rest + "7\nSYSG_STREAM=stdout\nSYSG_PID=42\n",
		"MESSAGE=" + strings.Repeat("x", MaxLine) + SplitMark + "\nPRIORITY=6\n" + rest + "7\nSYSG_STREAM=stdout\nSYSG_PID=42\n",
		"MESSAGE=x\nPRIORITY=6\n" + rest + "7\nSYSG_STREAM=stdout\nSYSG_PID=42\n",
		"MESSAGE=[hook onerr] one \xff\nPRIORITY=4\n" + rest + "8\nSYSG_STREAM=stderr\nSYSG_ROLE=hook onerr\nSYSG_PID=43\n",
		"MESSAGE=[hook onerr] " + strings.Repeat("x", MaxLine) + SplitMark + "\nPRIORITY=4\n" + rest + "8\nSYSG_STREAM=stderr\nSYSG_ROLE=hook onerr\nSYSG_PID=43\n",
		"MESSAGE=[hook onerr] x\nPRIORITY=4\n" + rest + "8\nSYSG_STREAM=stderr\nSYSG_ROLE=hook onerr\nSYSG_PID=43\n",
	})
	if _, err := os.Stat(c.path()); err == nil {
		t.Error("there is a file as well")
	}
	if err := c.JournalProblem(); err != nil {
		t.Errorf("problem: %v", err)
	}
}

func TestLinesThatTheJournalDoesNotTakeGoToTheFile(t *testing.T) {
	for name, j := range map[string]*journal{"away": {away: true}, "not there": nil} {
		var c *capture
		if j != nil {
			c = newCaptureWith(t, j)
		} else {
			c = newCapture(t)
		}
		c.run("one\ntwo\nthree", journalPolicy())
		wantLines(t, c.texts(), []string{"stdout one", "stdout two", "stdout three"})
		if c.JournalProblem() == nil {
			t.Errorf("%s: no problem", name)
		}
		c.Close()
	}
}

func TestTheJournalIsTriedAgainAfterAWhile(t *testing.T) {
	j := &journal{away: true}
	c := &Capture{Options: Options{Journal: j}}
	b := &batch{source: &source{}, file: &logFile{capture: c}, now: time.Now()}
	if b.sendLine([]byte("one"), "", 4) {
		t.Error("it was taken")
	}
	j.away = false
	if b.sendLine([]byte("two"), "", 4) {
		t.Error("it was tried again at once")
	}
	b.now = b.now.Add(journalRest)
	if !b.sendLine([]byte("three"), "", 6) || c.JournalProblem() != nil {
		t.Error("it was not tried again")
	}
}

func TestTheJournalGetsEachLineOnceOverARestart(t *testing.T) {
	j := &journal{}
	c := newCaptureWith(t, j)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	defer writer.Close()
	attach := func() {
		fd, err := syscall.Dup(int(reader.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		c.Attach(Source{Project: "shop", Service: "web", Incarnation: "7", Stream: Stdout, Policy: journalPolicy(), Pipe: os.NewFile(uintptr(fd), "copy")})
	}
	attach()
	write(t, writer, "one\ntwo\nunfin")
	c.Close()
	c.start()
	attach()
	write(t, writer, "ished\n")
	c.Close()
	var texts []string
	for _, entry := range j.entries {
		text, _, _ := strings.Cut(entry, "\n")
		texts = append(texts, text)
	}
	wantLines(t, texts, []string{"MESSAGE=one", "MESSAGE=two", "MESSAGE=unfinished"})
}
