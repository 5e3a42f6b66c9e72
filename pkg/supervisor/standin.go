package supervisor

import (
	"slices"
	"time"

	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/plan"
	"systemg.org/sysg/pkg/spec"
)

// A service has one incarnation, but for a replacement without a gap: then
// there is a candidate for its place, and after that the one that had it. Each
// of the two is a stand-in: a service to the machine, with a state, a run,
// readiness, checks and a polite end of its own, but with no place in the
// project. Nobody depends on it, and the plan does not know it.
//
// A stand-in is never started anew. Once nothing of it runs it is forgotten,
// and only then may the service be launched again: outside of a replacement
// there are never two of it.

// standIn makes a stand-in for a service.
func (s *Supervisor) standIn(v *service, state machine.State) *service {
	other := &service{
		project: v.project, config: v.config, of: v, wanted: true, unskipped: true,
		state: state, since: time.Now(), cause: v.cause, wish: v.wish, slot: v.slot,
	}
	v.standIns = append(v.standIns, other)
	return other
}

// candidate reports whether v is one for the place of another.
func (v *service) candidate() bool { return v.of != nil && v.hopeful }

// inRole says of a stand-in's cause whose it is: it is told with the service's.
func (v *service) inRole(cause machine.Cause) machine.Cause {
	switch {
	case v.candidate():
		cause.Text = "the candidate for its place: " + cause.Text
	case v.of != nil:
		cause.Text = "the incarnation that it replaces: " + cause.Text
	}
	return cause
}

// dissolve forgets a stand-in of which nothing runs.
func (s *Supervisor) dissolve(v *service) {
	of := v.of
	s.deadlines.clear(v)
	s.endHealth(v)
	of.standIns = slices.DeleteFunc(of.standIns, func(other *service) bool { return other == v })
	s.touch(of.project)
}

// endStandIn ends a stand-in politely, by the signal alone: a stop command talks
// to whoever has the place, as a rule.
func (s *Supervisor) endStandIn(v *service, cause machine.Cause) {
	if v.state == machine.Waiting { // It was never launched.
		s.dissolve(v)
		s.parted(v, cause)
		return
	}
	v.wanted = false
	if v.run != nil {
		v.run.commanded = true
	}
	s.feed(v, machine.Stop, cause)
}

// parted is a stand-in of which nothing is left.
func (s *Supervisor) parted(v *service, cause machine.Cause) {
	t := v.of.trial
	if t == nil || t.candidate != v {
		return
	}
	t.gone = true
	s.fails(v.of, t, cause)
	s.undo(v.of, t)
}

// occupants are the services of a project and their stand-ins: all that a run
// may occupy.
func (p *project) occupants() []*service {
	var all []*service
	for _, name := range p.names {
		v := p.services[name]
		all = append(append(all, v), v.standIns...)
	}
	return all
}

// slotOf is the slot that a run of the service is launched for, nil where it
// has none.
func (v *service) slotOf() *int {
	if v.config.Rolling == nil || v.config.Rolling.BlueGreen == nil {
		return nil
	}
	slot := v.slot
	return &slot
}

// slotted fills in the slot of a launch that does not say another.
func (v *service) slotted(request spec.Launch) *int {
	if request.Slot != nil {
		return request.Slot
	}
	return v.slotOf()
}

// occupied reports whether something of the service is left that the next run
// has to wait for.
func (v *service) occupied() bool { return v.ghosts > 0 || v.succeeded() }

// succeeded reports whether a replacement is not quite over.
func (v *service) succeeded() bool { return v.trial != nil || len(v.standIns) > 0 }

// contested reports whether there is a candidate for the place.
func (v *service) contested() bool { return v.trial != nil && !v.trial.passed(plan.DeedPromote) }

// stuckBeside is a stand-in that outlived SIGKILL, nil for none.
func (v *service) stuckBeside() *service {
	for _, other := range v.standIns {
		if other.stuck {
			return other
		}
	}
	return nil
}

// outdated reports whether what runs was started from another definition than
// the present one, and nothing is done about that: its replacement failed.
func (v *service) outdated() bool {
	return !v.again && !v.contested() && v.run != nil && v.run.definition != "" && v.run.definition != v.config.Hash
}

// withdrawUnwanted ends the replacement of what is to go down.
func (s *Supervisor) withdrawUnwanted(p *project) {
	for _, name := range p.names {
		if v := p.services[name]; v.trial != nil && !v.wanted {
			s.withdraw(v, v.wish)
		}
	}
}
