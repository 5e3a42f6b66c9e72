package logs

import (
	"errors"
	"strconv"
	"time"
)

// journalRest is how long journald is left alone after it did not take an entry.
// Until then lines go to the file.
const journalRest = time.Second

// The priorities of the streams, as in syslog(3): info and warning.
const (
	priorityStdout = "6"
	priorityStderr = "4"
)

var errNoJournal = errors.New("journald does not run here")

// sendLine gives one line to journald, and reports whether that is done with:
// it is not where journald is away, and then the line goes to the file, and so
// does the rest of the batch, since journald is left alone for a while. A kill
// between the sending and advance sends the line once more; nothing can be
// taken back from a journal.
func (b *batch) sendLine(text []byte, mark string, used int) bool {
	c := b.file.capture
	if !c.mayJournal(b.now) {
		return false
	}
	b.entry = b.source.appendEntry(b.entry[:0], text, mark)
	_, err := c.Journal.Write(b.entry)
	c.journaled(err, b.now)
	if err != nil {
		return false
	}
	b.source.advance(used)
	return true
}

// appendEntry encodes a line for journald: a field a line
// (systemd.io/JOURNAL_NATIVE_PROTOCOL). No value has a newline in it.
func (s *source) appendEntry(dst, text []byte, mark string) []byte {
	field := func(name, value string) {
		if value != "" {
			dst = append(append(append(append(dst, name...), '='), value...), '\n')
		}
	}
	dst = append(dst, "MESSAGE="...)
	if s.Label != "" {
		dst = append(append(append(dst, '['), s.Label...), "] "...)
	}
	dst = append(append(append(dst, text...), mark...), '\n')
	priority := priorityStdout
	if s.Stream == Stderr {
		priority = priorityStderr
	}
	field("PRIORITY", priority)
	field("SYSLOG_IDENTIFIER", s.Service)
	field("SYSG_PROJECT", s.Project)
	field("SYSG_SERVICE", s.Service)
	field("SYSG_INVOCATION_ID", s.Incarnation)
	field("SYSG_STREAM", s.Stream)
	field("SYSG_ROLE", s.Label)
	if s.PID > 0 {
		field("SYSG_PID", strconv.Itoa(s.PID))
	}
	return dst
}

// mayJournal says whether to try it.
func (c *Capture) mayJournal(now time.Time) bool {
	return c.Journal != nil && !now.Before(c.journalAfter)
}

func (c *Capture) journaled(err error, now time.Time) {
	if err != nil {
		c.journalAfter = now.Add(journalRest)
	}
	c.mu.Lock()
	c.away = err
	c.mu.Unlock()
}

// JournalProblem is why lines that journald should get go to files, nil if they
// do not.
func (c *Capture) JournalProblem() error {
	if c.Journal == nil {
		return errNoJournal
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.away
}
