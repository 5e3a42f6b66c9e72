package supervisor

import (
	"fmt"
	"time"

	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/spec"
)

// A stop is polite first: the service's stop command, if it has one, then its
// stop signal, which share stop.timeout; then everything of it is killed.

// signal ends a service politely.
func (s *Supervisor) signal(v *service) {
	limit := v.config.Stop.Timeout
	s.deadlines.set(v, deadline{
		at: time.Now().Add(limit), event: machine.Overdue,
		cause: machine.Cause{Kind: machine.ByTimer, Text: fmt.Sprintf("it did not end within %s (stop.timeout)", limit)},
	})
	r := v.run
	switch {
	case r == nil || r.pid == 0 || r.exited != nil:
	case v.stopping != nil: // The signal follows it.
	case s.stopsByCommand(v):
		s.command(v, r, limit)
	default:
		s.interrupt(v, r)
	}
}

// stopsByCommand reports whether a stop begins with a command: where somebody
// asked for the stop, and only once for each run. One that failed may not be
// able to answer a command.
func (s *Supervisor) stopsByCommand(v *service) bool {
	return v.asked() && v.config.Stop.Command && v.config.Stop.Timeout > 0 && !v.run.commanded
}

func (s *Supervisor) command(v *service, r *run, limit time.Duration) {
	r.commanded = true
	event := &spec.Event{Name: hookNames[spec.RoleOnStop], PID: r.pid}
	if v.stopping = s.besides(v, spec.Launch{Role: spec.RoleStop, Event: event}, s.commanded(v, r, limit)); v.stopping == nil {
		s.interrupt(v, r)
	}
}

// commanded is what follows a stop command: the signal, if that is needed.
func (s *Supervisor) commanded(v *service, r *run, limit time.Duration) beside {
	return beside{limit: limit, over: func(how outcome) {
		v.stopping = nil
		if !how.passed {
			s.note(v, "its stop command "+how.how)
		}
		if v.run == r && r.exited == nil && s.deadlines.pending(v, machine.Overdue) {
			s.interrupt(v, r)
		}
	}}
}

// interrupt sends the stop signal.
func (s *Supervisor) interrupt(v *service, r *run) {
	s.helper.Signal(spec.Signal{Incarnation: r.incarnation, Signal: v.config.Stop.Signal, Group: v.config.Stop.Group})
}

// recollect goes on with the stop commands that an earlier supervisor began:
// the signal waits for them.
func (s *Supervisor) recollect(records map[string]execclient.Event) {
	for incarnation, event := range records {
		record := event.Reply.Listed.Record
		p := s.projects[record.Launch.Project]
		if record.Launch.Role != spec.RoleStop || s.runs[incarnation] != nil || p == nil {
			continue
		}
		if v := p.services[record.Launch.Service]; v != nil && v.run != nil && v.stopping == nil && v.asked() {
			s.strayStop(strayRun(v, record.Launch), record.Started)
		}
	}
}

func (s *Supervisor) strayStop(r *run, began time.Time) {
	v, limit := r.service, r.service.config.Stop.Timeout
	side := s.commanded(v, v.run, limit)
	s.runs[r.incarnation] = r
	r.side, v.stopping, v.run.commanded = &side, r, true
	s.deadlines.set(v, deadline{at: began.Add(limit), run: r})
}
