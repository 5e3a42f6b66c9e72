package main

import (
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/paths"
	"systemg.org/sysg/pkg/store"
	"systemg.org/sysg/pkg/systemd"
)

// teller keeps the record of events, and where sysgd logs to systemd's journal
// tells it of each as well, so that `journalctl SYSG_SERVICE=api` has both what a
// service printed and what became of it. The loop of the supervisor never waits
// for journald.
type teller struct {
	*store.Journal
	events chan api.Event
	done   chan struct{}
}

// tellerRoom is how many events may wait for journald. What comes beyond is only
// in our own record.
const tellerRoom = 1000

// newTeller makes one; journal, which it then owns, may be nil.
func newTeller(record *store.Journal, journal *systemd.Journal, log *slog.Logger) *teller {
	t := &teller{Journal: record}
	if journal == nil {
		return t
	}
	t.events, t.done = make(chan api.Event, tellerRoom), make(chan struct{})
	go func() {
		defer close(t.done)
		for event := range t.events {
			if _, err := journal.Write(entryOf(event)); err != nil {
				log.Debug("Cannot tell the journal of an event", "service", event.Project+"/"+event.Service, "error", err)
			}
		}
		_ = journal.Close()
	}()
	return t
}

// Append implements supervisor.Journal.
func (t *teller) Append(event api.Event) int {
	event.Sequence = t.Journal.Append(event)
	select {
	case t.events <- event:
	default: // Nobody listens, or journald is far behind.
	}
	return event.Sequence
}

// Close waits, not for long, until journald has been told, and ends the record.
func (t *teller) Close() {
	if t.events != nil {
		close(t.events)
		select {
		case <-t.done:
		case <-time.After(time.Second):
		}
	}
	t.Journal.Close()
}

// entries is systemd's journal, nil where we do not log to it.
func entries() *systemd.Journal {
	if !systemd.ToJournal(os.Getenv) {
		return nil
	}
	journal, err := systemd.OpenJournal(paths.JournalSocket)
	if err != nil {
		return nil
	}
	return journal
}

// message is what the journal's catalog has a text for: packaging/systemg.catalog
// has the same ids.
type message struct{ id, priority string }

// messages are by the state that a service enters. Others are of interest to who
// looks for them (PRIORITY=7, debug).
var messages = map[machine.State]message{
	machine.Ready:      {"6513270e269e4d37b2a74de452e6b438", "6"},
	machine.Done:       {"d23f0824128b4f338c5c7fd0a6a3a450", "6"},
	machine.Down:       {"9531985d5d9d49f89818e811892f902b", "6"},
	machine.BackingOff: {"36f675cc81e74ef5a8e25d940ed90475", "4"},
	machine.GivenUp:    {"6b0d549b6f03475a9600a35a099950d8", "3"},
	machine.Failed:     {"8d116ece173847d9bd9c172411e20b8f", "3"},
}

// entryOf is the entry for an event.
func entryOf(event api.Event) []byte {
	m, known := messages[machine.State(event.To)]
	if !known || event.Event == api.EventNote || event.From == event.To {
		m = message{"", "7"}
	}
	var e systemd.Entry
	e.Field("MESSAGE", fmt.Sprintf("%s/%s: %s → %s: %s", event.Project, event.Service, event.From, event.To, event.Cause))
	e.Field("MESSAGE_ID", m.id)
	e.Field("PRIORITY", m.priority)
	e.Field("SYSLOG_IDENTIFIER", "sysgd")
	e.Field("SYSG_PROJECT", event.Project)
	e.Field("SYSG_SERVICE", event.Service)
	e.Field("SYSG_INVOCATION_ID", event.Incarnation)
	e.Field("SYSG_CAUSE", event.Cause)
	e.Field("SYSG_CODE", event.Code)
	e.Field("SYSG_FROM", event.From)
	e.Field("SYSG_TO", event.To)
	if event.PID != 0 {
		e.Field("SYSG_PID", strconv.Itoa(event.PID))
	}
	return e
}
