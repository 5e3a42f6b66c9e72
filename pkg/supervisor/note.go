package supervisor

import (
	"slices"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/machine"
)

// maxNotes is how many notes of a service are kept.
const maxNotes = 16

// note is something about a service that changed no state.
type note struct {
	at   time.Time
	text string
	// replacing: it is about a replacement that failed, and of no more interest
	// once the service has been replaced, or started anew.
	replacing bool
}

// note keeps what had no effect, but should be known: a hook that failed, say.
// `sysg status` and `sysg why` show it.
func (s *Supervisor) note(v *service, text string) {
	if v.of != nil { // A stand-in is forgotten soon.
		v = v.of
	}
	if len(v.notes) == maxNotes {
		v.notes = append(v.notes[:0], v.notes[1:]...)
	}
	v.notes = append(v.notes, note{at: time.Now(), text: text})
	s.mention(v, text)
}

// mention says such a thing once, in the journal and among the events.
func (s *Supervisor) mention(v *service, text string) {
	if v.of != nil {
		v = v.of
	}
	s.log.Warn("A service has something to be known, ignoring", "service", v.selector(), "note", text)
	now := time.Now()
	s.chronicle(v, machine.Transition{
		At: now, From: v.state, To: v.state, Event: api.EventNote,
		Cause: machine.Cause{Kind: machine.ByNote, Text: text},
	})
}

// noteOfReplacement keeps why a service was not replaced, until it is.
func (s *Supervisor) noteOfReplacement(v *service, text string) {
	s.note(v, text)
	v.notes[len(v.notes)-1].replacing = true
}

// replaced forgets what kept it from being replaced.
func (v *service) replaced() {
	v.notes = slices.DeleteFunc(v.notes, func(n note) bool { return n.replacing })
}

// sayings are the notes, and what the service says of itself, for `sysg why`.
func (v *service) sayings() []string {
	var texts []string
	for _, note := range v.notes {
		texts = append(texts, note.at.Format("15:04:05.000")+" note: "+note.text)
	}
	if r := v.run; r != nil && r.status != "" {
		texts = append(texts, "it says: "+r.status)
	}
	if r := v.run; r != nil && r.sub != "" {
		texts = append(texts, "it says that it is "+r.sub)
	}
	return texts
}

// noted is the notes on the present life of the service, for people.
func (v *service) noted() []string {
	var texts []string
	for _, note := range v.notes {
		texts = append(texts, note.text)
	}
	return texts
}
