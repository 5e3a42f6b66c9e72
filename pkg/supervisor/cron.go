package supervisor

import (
	"fmt"
	"maps"
	"slices"
	"time"

	mathrand "math/rand/v2"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/schedule"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/store"
)

// A scheduled unit is a service whose main role is one run, and which goes back
// to the state scheduled when that is over:
//
//	planned ── its time comes ──▶ owed ── the plan lets it ──▶ current ──▶ history
//
// Planned is the next time by the schedule; it is reckoned anew when it has
// come, and when the clock was set. Owed is a run that is due: it begins when
// nothing of the last one is left and what it depends on is satisfied. All of
// it is in cron_state.json, so that a restart neither loses a run nor has one
// twice.
//
// Everything here goes by the real clock, s.clock, and not by a timer's: a job
// of 3:00 is meant to run at 3:00, whether the machine slept until then or its
// clock was set.

const (
	// lateness is how late a run may begin as if nothing had been. What is
	// missed by more was missed: a restart of the supervisor is no such thing,
	// a night switched off is.
	lateness = time.Minute
	// correction is how far a clock is set back where it was wrong, and what
	// had run by it does not count. By less, what has run does not run again.
	correction = 3 * time.Hour
)

// cron is what a scheduled unit has beyond a service.
type cron struct {
	text     string // what schedule was read from
	schedule schedule.Schedule
	broken   error // why it could not be
	// planned is the next time, at the same with jitter; zero for none.
	planned, at time.Time
	last        time.Time // the newest time that was dealt with
	owed        *owed
	current     *store.Run
	// interrupted is why we end the current run, where that is not its fault.
	interrupted string
	withdrawn   bool // the current run leaves no record
	// ended is when the process of the current run ended, which may be long
	// before we heard of it; zero where nobody knows.
	ended   time.Time
	history []store.Run
	begun   int // runs since the start of the supervisor, for who waits
	drains  string
}

// owed is a run that is due.
type owed struct {
	planned time.Time // zero for one that somebody asked for
	cause   machine.Cause
}

// recast gives a service the schedule of its definition, or takes it away.
func (v *service) recast() {
	p, config := v.project, v.config.Cron
	if config == nil {
		v.cron = nil
		delete(p.crons, v.config.Name)
		return
	}
	if v.cron == nil {
		v.cron = &cron{}
	}
	if p.crons == nil {
		p.crons = map[string]*service{}
	}
	p.crons[v.config.Name] = v
	c := v.cron
	if text := config.Expression + " in " + config.Timezone; c.text != text {
		c.text, c.planned, c.at = text, time.Time{}, time.Time{}
		c.schedule, c.broken = schedule.Parse(config.Expression, config.Timezone)
	}
}

// ticks reports whether the schedule of a unit counts: not while it is down,
// nor on its way there.
func (v *service) ticks() bool {
	return v.cron != nil && v.wanted && (v.state == machine.Scheduled || v.running())
}

// comes reports whether a scheduled unit will run again.
func (v *service) comes() bool {
	return v.ticks() && (v.cron.owed != nil || !v.cron.at.IsZero())
}

// running reports whether a run is in progress, or about to be cleared away.
func (v *service) running() bool {
	switch v.state {
	case machine.Preparing, machine.Launching, machine.Starting, machine.Ready, machine.Ending:
		return true
	}
	return false
}

// fireCrons deals with the schedules whose time has come, reckons them anew
// where the clock was set, and sets the alarm for the next.
func (s *Supervisor) fireCrons() {
	if !s.connected { // What runs is not known yet; a run may have begun.
		return
	}
	now, earliest := s.clock.Now(), time.Time{}
	for _, p := range s.projects {
		for _, v := range p.crons {
			if !v.ticks() {
				continue
			}
			s.reckon(v, now)
			if at := v.cron.at; !at.IsZero() && !at.After(now) {
				s.comeDue(v, now)
			}
			if at := v.cron.at; !at.IsZero() && (earliest.IsZero() || at.Before(earliest)) {
				earliest = at
			}
		}
	}
	if !earliest.Equal(s.alarm) {
		s.alarm = earliest
		s.clock.Alarm(earliest)
	}
}

// reckon plans the next run where there is no plan yet, and where the clock has
// been set back since it was made.
func (s *Supervisor) reckon(v *service, now time.Time) {
	c := v.cron
	if c.last.After(now.Add(correction)) {
		c.last = time.Time{}
	}
	after := now
	if c.last.After(now) {
		after = c.last
	}
	if c.planned.IsZero() {
		s.plan(v, after, now)
	} else if c.planned.After(now) {
		if next, ok := c.schedule.Next(after); ok && next.Before(c.planned) {
			s.plan(v, after, now)
		}
	}
}

// plan reckons the first run after a time. With jitter it is put off by chance,
// but never into the past.
func (s *Supervisor) plan(v *service, after, now time.Time) {
	c := v.cron
	next, ok := c.schedule.Next(after)
	if !ok {
		if !c.planned.IsZero() {
			s.changed(v.project)
		}
		c.planned, c.at = time.Time{}, time.Time{}
		return
	}
	c.planned, c.at = next, next
	if jitter := v.config.Cron.Jitter; jitter > 0 {
		c.at = next.Add(mathrand.N(jitter))
	}
	if c.at.Before(now) {
		c.at = now
	}
	s.changed(v.project)
}

// comeDue is the time of a run. Times that have passed since are taken
// together.
func (s *Supervisor) comeDue(v *service, now time.Time) {
	c := v.cron
	due, late := c.planned, now.Sub(c.at)
	c.last = due
	// With jitter the next time may have come before this one was at last due.
	after := now.Add(-v.config.Cron.Jitter)
	if after.Before(due) {
		after = due
	}
	s.plan(v, after, now)
	switch {
	case late > lateness && !v.config.Cron.CatchUp:
		s.log.Info("A run was missed, and its catch_up says none", "service", v.selector(), "due", due, "late", late)
	case c.owed != nil:
		// It waits still: both are one.
	case v.state == machine.Scheduled:
		c.owed = &owed{planned: due, cause: dueCause(due, late)}
		v.project.stale = true
	default:
		s.overlap(v, due, now)
	}
}

func dueCause(due time.Time, late time.Duration) machine.Cause {
	text := "its schedule said " + due.Format(time.DateTime+" MST")
	if late > lateness {
		text += fmt.Sprintf(", which was missed by %s (catch_up)", late.Round(time.Second))
	}
	return machine.Cause{Kind: machine.ByTimer, Text: text}
}

// overlap is a run that is due while the last one is not over.
func (s *Supervisor) overlap(v *service, due, now time.Time) {
	c := v.cron
	switch v.config.Cron.Overlap {
	case generation.OverlapQueue:
		c.owed = &owed{planned: due, cause: dueCause(due, 0)}
	case generation.OverlapKill:
		c.owed = &owed{planned: due, cause: dueCause(due, 0)}
		s.interruptRun(v, "the next run was due (overlap: kill)")
	default:
		c.remember(store.Run{
			Planned: due, Started: now, Completed: now, Status: overlapped, Command: v.config.Command,
		}, v.config.Cron.History)
		s.hook(v, spec.RoleOnErr, nil)
	}
	s.changed(v.project)
}

// interruptRun ends the current run for no fault of its own.
func (s *Supervisor) interruptRun(v *service, why string) {
	v.cron.interrupted = why
	s.condemn(v, machine.Cause{Kind: machine.ByTimer, Text: why})
}

// The states of a run that is over, as status.v1 has them; failed and
// interrupted ones are followed by the reason.
const (
	succeeded   = "Success"
	failedWith  = "Failed: "
	interrupted = "Interrupted: "
	overlapped  = "OverlapError"
)

// remember adds a run to the history, once: what is known of it by now counts.
func (c *cron) remember(r store.Run, most int) {
	known := func(old store.Run) bool { return r.Incarnation != "" && old.Incarnation == r.Incarnation }
	if i := slices.IndexFunc(c.history, known); i >= 0 {
		c.history[i] = r
		return
	}
	c.history = append(c.history, r)
	if extra := len(c.history) - most; extra > 0 {
		c.history = slices.Clone(c.history[extra:])
	}
}

// unschedule forgets what was to come.
func (c *cron) unschedule() {
	c.planned, c.at, c.owed = time.Time{}, time.Time{}, nil
}

// lastRun is the newest run that is over, nil for none.
func (c *cron) lastRun() *store.Run {
	if len(c.history) == 0 {
		return nil
	}
	return &c.history[len(c.history)-1]
}

// scheduled are the scheduled units of a project, by name.
func (p *project) scheduled() []string { return slices.Sorted(maps.Keys(p.crons)) }
