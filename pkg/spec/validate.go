package spec

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	// MaxAcks is how many incarnations one Ack may name; it fits in a frame.
	MaxAcks = 1024
	// MaxName is the length of a project's or a service's name.
	MaxName = 64
	// MaxSignal is the last real-time signal.
	MaxSignal = 64

	maxDetail = 4096
	maxPath   = 4096
	maxErrno  = 4095
)

// ValidName says whether name may name a project or a service: letters,
// digits, "_", "." and "-", not with "." or "-" first, so that it is safe as a
// file name and never looks like an option.
func ValidName(name string) bool {
	if name == "" || len(name) > MaxName || name[0] == '.' || name[0] == '-' {
		return false
	}
	for _, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '_' && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

// ValidIncarnation says whether id has the form of one: 32 lower-case hex digits.
func ValidIncarnation(id string) bool { return lowerHex(id, 32) }

// ValidHash says whether hash has the form of one: 64 lower-case hex digits.
func ValidHash(hash string) bool { return lowerHex(hash, 64) }

func lowerHex(text string, length int) bool {
	if len(text) != length {
		return false
	}
	for _, c := range []byte(text) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// message is one of a Request's or a Reply's alternatives.
type message interface{ validate() error }

// only counts the messages that are set, and validates the one there must be.
type only struct {
	count   int
	message message
}

func (o *only) add(set bool, m message) {
	if set {
		o.count++
		o.message = m
	}
}

func (o *only) validate() error {
	if o.count != 1 {
		return fmt.Errorf("%d messages in one frame", o.count)
	}
	return o.message.validate()
}

func (r *Request) validate() error {
	if r.ID == 0 {
		return errors.New("id is 0")
	}
	var one only
	one.add(r.Hello != nil, r.Hello)
	one.add(r.Install != nil, r.Install)
	one.add(r.Launch != nil, r.Launch)
	one.add(r.Signal != nil, r.Signal)
	one.add(r.Kill != nil, r.Kill)
	one.add(r.List != nil, r.List)
	one.add(r.Ack != nil, r.Ack)
	one.add(r.Quit != nil, r.Quit)
	one.add(r.Listen != nil, r.Listen)
	one.add(r.Unlisten != nil, r.Unlisten)
	one.add(r.Main != nil, r.Main)
	one.add(r.Keep != nil, r.Keep)
	one.add(r.Drop != nil, r.Drop)
	one.add(r.Activate != nil, r.Activate)
	one.add(r.Remove != nil, r.Remove)
	return one.validate()
}

func (r *Reply) validate() error {
	event := r.Exited != nil || r.Emptied != nil || r.Wanted != nil || r.Spawned != nil
	// A frame that cannot be read has no ID to answer.
	if (r.ID == 0) != event && (r.ID != 0 || r.Refused == nil) {
		return fmt.Errorf("id is %d", r.ID)
	}
	var one only
	one.add(r.Hello != nil, r.Hello)
	one.add(r.Installed != nil, r.Installed)
	one.add(r.Launched != nil, r.Launched)
	one.add(r.Failed != nil, r.Failed)
	one.add(r.Listed != nil, r.Listed)
	one.add(r.Done != nil, r.Done)
	one.add(r.Refused != nil, r.Refused)
	one.add(r.Exited != nil, r.Exited)
	one.add(r.Emptied != nil, r.Emptied)
	one.add(r.Listening != nil, r.Listening)
	one.add(r.Wanted != nil, r.Wanted)
	one.add(r.Spawned != nil, r.Spawned)
	return one.validate()
}

// must turns a rule into an error that names what broke it.
func must(holds bool, what string, value any) error {
	if holds {
		return nil
	}
	return fmt.Errorf("%s is %.100q", what, fmt.Sprint(value))
}

// first is the first error, or nil.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (h *Hello) validate() error {
	return must(h.Min >= 1 && h.Version >= h.Min, "version", h.Version)
}

func (*Install) validate() error { return nil }
func (*List) validate() error    { return nil }
func (*Quit) validate() error    { return nil }
func (*Done) validate() error    { return nil }

func (i *Installed) validate() error {
	return first(
		must(ValidName(i.Project), "project", i.Project),
		must(i.Number >= 1, "number", i.Number),
		must(ValidHash(i.Hash), "hash", i.Hash))
}

func (l *Launch) validate() error {
	return first(
		must(ValidName(l.Project), "project", l.Project),
		must(l.Generation >= 1, "generation", l.Generation),
		must(ValidHash(l.Hash), "hash", l.Hash),
		must(ValidName(l.Service), "service", l.Service),
		must(slices.Contains(Roles[:], l.Role), "role", l.Role),
		must(ValidIncarnation(l.Incarnation), "incarnation", l.Incarnation),
		must(l.Beside == "" || ValidIncarnation(l.Beside) && l.Role != RoleMain, "beside", l.Beside),
		must(l.Slot == nil || *l.Slot == 0 || *l.Slot == 1, "slot", "neither 0 nor 1"),
		l.Event.validate())
}

// EventNames are those that a hook may be told of.
var EventNames = [...]string{"start", "error", "stop", "exit"}

func (e *Event) validate() error {
	if e == nil {
		return nil
	}
	return first(
		must(slices.Contains(EventNames[:], e.Name), "name of the event", e.Name),
		must(e.PID >= 0, "pid of the event", e.PID),
		must(e.ExitCode == nil || *e.ExitCode >= 0 && *e.ExitCode <= 255, "exit code of the event", "out of range"),
		must(e.Signal >= 0 && e.Signal <= MaxSignal, "signal of the event", e.Signal),
		must(e.Attempt >= 0, "attempt of the event", e.Attempt))
}

func (l *Launched) validate() error {
	return first(
		must(ValidIncarnation(l.Incarnation), "incarnation", l.Incarnation),
		must(l.PID >= 1, "pid", l.PID),
		must(validCgroup(l.Cgroup), "cgroup", l.Cgroup))
}

func validCgroup(path string) bool {
	return len(path) <= maxPath && !strings.Contains(path, "\x00")
}

func (f *Failed) validate() error {
	return first(
		must(ValidIncarnation(f.Incarnation), "incarnation", f.Incarnation),
		must(knownStage(f.Stage), "stage", f.Stage),
		must(f.Errno >= 0 && f.Errno <= maxErrno, "errno", f.Errno),
		must(len(f.Detail) <= maxDetail, "length of detail", len(f.Detail)))
}

func knownStage(stage Stage) bool {
	for i := range Stages {
		if Stages[i].Stage == stage {
			return true
		}
	}
	return false
}

func (s *Signal) validate() error {
	return first(
		must(ValidIncarnation(s.Incarnation), "incarnation", s.Incarnation),
		must(s.Signal >= 1 && s.Signal <= MaxSignal, "signal", s.Signal))
}

func (k *Kill) validate() error {
	return must(ValidIncarnation(k.Incarnation), "incarnation", k.Incarnation)
}

func (l *Listed) validate() error {
	if l.Last == (l.Record != nil) {
		return errors.New("listed must have either a record or be the last")
	}
	if l.Record == nil {
		return nil
	}
	return l.Record.validate()
}

func (r *Record) validate() error {
	if r.Exited != nil {
		if err := first(
			r.Exited.validate(),
			must(r.Exited.Incarnation == r.Launch.Incarnation, "incarnation of exited", r.Exited.Incarnation),
		); err != nil {
			return err
		}
	}
	return first(
		r.Launch.validate(),
		must(r.PID >= 1, "pid", r.PID),
		must(validCgroup(r.Cgroup), "cgroup", r.Cgroup),
		must(!r.Started.IsZero(), "started", r.Started),
		must(!r.Emptied || r.Exited != nil, "emptied before exited", r.Emptied),
		must((r.Child != nil) == (r.Launch.Role == RoleChild), "child of role", r.Launch.Role),
		r.Child.validate())
}

// MaxChildArgs bounds the arguments of a child, in bytes of JSON, so that a
// record fits into a frame.
const MaxChildArgs = 16 << 10

// argsLength is their length in a frame, where a byte may become six.
func argsLength(argv []string) int {
	text, _ := json.Marshal(argv)
	return len(text)
}

func (c *Child) validate() error {
	if c == nil {
		return nil
	}
	length := argsLength(c.Argv)
	return first(
		must(ValidIncarnation(c.Parent), "parent", c.Parent),
		must(ValidName(c.Name), "name of the child", c.Name),
		must(len(c.Argv) > 0 && length <= MaxChildArgs, "arguments of the child", length),
		must(c.Depth >= 1, "depth", c.Depth),
		must(c.TTL >= 0, "ttl", c.TTL))
}

func (l *Listen) validate() error {
	for _, name := range l.Names {
		if err := must(ValidName(name), "name of a socket", name); err != nil {
			return err
		}
	}
	return first(
		must(ValidName(l.Project), "project", l.Project),
		must(l.Generation >= 1, "generation", l.Generation),
		must(ValidHash(l.Hash), "hash", l.Hash),
		must(ValidName(l.Service), "service", l.Service))
}

func (l *Listening) validate() error {
	for _, name := range l.Names {
		if err := must(ValidName(name), "name of a socket", name); err != nil {
			return err
		}
	}
	return nil
}

func (u *Unlisten) validate() error {
	return first(must(ValidName(u.Project), "project", u.Project), must(ValidName(u.Service), "service", u.Service))
}

func (w *Wanted) validate() error {
	return first(must(ValidName(w.Project), "project", w.Project), must(ValidName(w.Service), "service", w.Service))
}

func (m *Main) validate() error {
	return first(must(ValidIncarnation(m.Incarnation), "incarnation", m.Incarnation), must(m.PID >= 1, "pid", m.PID))
}

func (k *Keep) validate() error {
	if k.Of != nil {
		return first(must(k.Incarnation == "", "owner", "of an incarnation"), k.Of.validate(), must(validFDName(k.Name), "name", k.Name))
	}
	return first(must(ValidIncarnation(k.Incarnation), "incarnation", k.Incarnation), must(validFDName(k.Name), "name", k.Name))
}

func (o *Owner) validate() error {
	return first(
		must(ValidName(o.Project), "project", o.Project),
		must(o.Generation >= 1, "generation", o.Generation),
		must(ValidHash(o.Hash), "hash", o.Hash),
		must(ValidName(o.Service), "service", o.Service))
}

func (d *Drop) validate() error {
	return first(must(ValidIncarnation(d.Incarnation), "incarnation", d.Incarnation), must(validFDName(d.Name), "name", d.Name))
}

// validFDName is the rule of sd_notify(3) for FDNAME=.
func validFDName(name string) bool {
	if name == "" || len(name) > 255 {
		return false
	}
	for _, c := range []byte(name) {
		if c < ' ' || c > '~' || c == ':' {
			return false
		}
	}
	return true
}

func (a *Activate) validate() error {
	return first(must(ValidName(a.Project), "project", a.Project), must(a.Number >= 1, "number", a.Number))
}

func (r *Remove) validate() error { return must(ValidName(r.Project), "project", r.Project) }

func (s *Spawned) validate() error { return s.Record.validate() }

func (a *Ack) validate() error {
	if err := must(len(a.Incarnations) >= 1 && len(a.Incarnations) <= MaxAcks, "number of incarnations", len(a.Incarnations)); err != nil {
		return err
	}
	for _, id := range a.Incarnations {
		if err := must(ValidIncarnation(id), "incarnation", id); err != nil {
			return err
		}
	}
	return nil
}

func (r *Refused) validate() error {
	switch r.Reason {
	case ReasonProtocol, ReasonVersion, ReasonPeer, ReasonUnknown, ReasonInvalid, ReasonBusy, ReasonInternal:
	default:
		return must(false, "reason", r.Reason)
	}
	return must(len(r.Detail) <= maxDetail, "length of detail", len(r.Detail))
}

func (e *Exited) validate() error {
	return first(
		must(ValidIncarnation(e.Incarnation), "incarnation", e.Incarnation),
		must(e.Usage.UserMicros >= 0 && e.Usage.SystemMicros >= 0 && e.Usage.MaxRSS >= 0, "usage", e.Usage),
		must(!e.At.IsZero(), "time", e.At))
}

func (e *Emptied) validate() error {
	return must(ValidIncarnation(e.Incarnation), "incarnation", e.Incarnation)
}
