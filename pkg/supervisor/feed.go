package supervisor

import (
	"time"

	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/plan"
)

// feed tells a service that something happened to it: the one way in which a
// state changes.
func (s *Supervisor) feed(v *service, event machine.Event, cause machine.Cause) {
	next, effects := machine.Next(v.state, event)
	if next == v.state && len(effects) == 0 {
		return
	}
	if next != v.state {
		s.enter(v, next, event, cause)
	}
	if v.of != nil && !next.Alive() { // It is not started anew.
		s.dissolve(v)
		s.parted(v, cause)
		return
	}
	for _, effect := range effects {
		s.carry(v, effect, cause)
	}
	if v.of != nil {
		s.followed(v, cause)
	}
}

// enter records a transition. What belonged to the old state ends with it: its
// deadlines and the health check.
func (s *Supervisor) enter(v *service, next machine.State, event machine.Event, cause machine.Cause) {
	now := time.Now()
	transition := machine.Transition{At: now, From: v.state, To: next, Event: event, Cause: v.inRole(cause)}
	if len(v.history) == historyLength {
		v.history = append(v.history[:0], v.history[1:]...)
	}
	v.history = append(v.history, transition)
	v.state, v.since, v.cause, v.retryAt = next, now, cause, time.Time{}
	if next == machine.Preparing {
		v.tried, v.witnesses = now, nil
	}
	s.deadlines.clear(v)
	s.endHealth(v)
	switch {
	case v.of != nil:
	case next == machine.Down:
		s.unlisten(v)
	case next == machine.Ready:
		v.replaced()
	}
	if v.cron != nil {
		s.cronMoved(v, next, cause)
	}
	if next == machine.Stopping || next == machine.Down {
		s.endChildren(v)
	}
	s.changed(v.project)
	switch {
	case transition.From == machine.Starting && next == machine.Ready && v.of == nil:
		s.started(v)
	case next == machine.Down:
		v.unskipped = false
	}
	v.project.stale = v.project.stale || !underWay(transition.From) || !underWay(next)
	s.report(v, transition)
	s.chronicle(v, transition)
}

// underWay are the states between a release and being ready. Going from one to
// the next changes nothing for the plan, and most steps of a start are such.
func underWay(state machine.State) bool {
	return state == machine.Preparing || state == machine.Launching || state == machine.Starting
}

// touch marks a project whose wishes changed: to be planned and saved.
func (s *Supervisor) touch(p *project) {
	p.stale = true
	s.changed(p)
}

// changed marks a project as to be saved.
func (s *Supervisor) changed(p *project) {
	s.shortly.stale = true
	p.seq++
	p.dirty = true
}

// settle carries out what follows from the state of things until nothing more
// follows, answers who waited for it, and saves what changed.
func (s *Supervisor) settle() {
	s.fireCrons()
	for s.fireDue() || s.planAll() {
	}
	s.fireCrons() // What has changed its state may have a schedule.
	s.redial()
	s.sample()
	s.weighChildren()
	s.summarize()
	s.answer()
	s.reply()
	for _, p := range s.projects {
		s.save(p)
	}
}

// planAll takes the steps that the plan sees, and reports whether there were
// any. Without sysg-exec nothing can be done, so nothing is planned.
func (s *Supervisor) planAll() bool {
	if !s.connected {
		return false
	}
	acted := false
	s.openGate()
	for _, p := range s.projects {
		if !p.stale {
			continue
		}
		p.stale = false
		s.withdrawUnwanted(p)
		s.answerCalls(p)
		for _, action := range s.gate(p, plan.Next(p.graph(), p.names)) {
			acted = s.act(p, action) || acted
		}
		s.endLeftChildren(p)
		s.forget(p)
	}
	return acted
}

// act takes one step of a plan. A step that changes nothing does not count, so
// that a plan which repeats itself cannot hold the loop.
func (s *Supervisor) act(p *project, action plan.Action) bool {
	v := p.services[action.Service]
	before := v.state
	cause := v.wish
	switch action.Event {
	case machine.Release:
		if v.occupied() {
			return false
		}
		cause = machine.Cause{Kind: machine.ByDependency, Text: released(v)}
	case machine.Due:
		if v.occupied() {
			return false
		}
		cause = v.cron.owed.cause
	case machine.Skip:
		cause = v.skipCause()
	case machine.Listen:
		cause = machine.Cause{Kind: machine.ByPolicy, Text: v.lazily()}
	case machine.Restart:
		if !v.again { // What is asked for is under way.
			return false
		}
		if v.replaceable() {
			s.replace(v, cause)
			return false
		}
		s.withdraw(v, cause)
		v.again = false
		s.touch(p)
	}
	s.feed(v, action.Event, cause)
	return v.state != before || action.Event == machine.Restart
}

func released(v *service) string {
	if len(v.config.DependsOn) == 0 {
		return "it depends on nothing"
	}
	return "all that it depends on is satisfied"
}

// forget drops the services that the manifest no longer has, once they are
// where a stop leads to: somebody may wait for that.
func (s *Supervisor) forget(p *project) {
	kept := p.names[:0]
	for _, name := range p.names {
		if v := p.services[name]; v.removed && !v.succeeded() && len(v.children) == 0 && (v.state == machine.Down || v.state == machine.Done) {
			delete(p.services, name)
			delete(p.crons, name)
			s.deadlines.clear(v)
			s.unlisten(v)
			s.meter.Forget(p.generation.Project, name)
			p.dirty = true
			continue
		}
		kept = append(kept, name)
	}
	p.names = kept
}

// fireDue feeds what the passed deadlines stand for, and reports whether there
// were any.
func (s *Supervisor) fireDue() bool {
	fired := false
	for {
		v, deadline, ok := s.deadlines.due(time.Now())
		if !ok {
			return fired
		}
		fired = true
		s.expire(v, deadline)
	}
}

// expire is what a passed deadline means.
func (s *Supervisor) expire(v *service, deadline deadline) {
	switch {
	case deadline.run != nil:
		s.late(deadline.run)
	case deadline.probe:
		s.attempt(v)
	case deadline.then != nil:
		deadline.then()
	case deadline.trial != nil:
		s.next(v.of, deadline.trial)
	case deadline.event == machine.Condemn:
		s.condemn(v, deadline.cause)
	default:
		// What outlived SIGKILL sleeps uninterruptibly in the kernel.
		v.stuck = v.stuck || deadline.killed
		s.feed(v, deadline.event, deadline.cause)
	}
}

// condemn ends a service for a failure that is not the end of its process.
func (s *Supervisor) condemn(v *service, cause machine.Cause) {
	if v.run != nil {
		v.run.condemned = &cause
	}
	s.feed(v, machine.Condemn, cause)
	if v.state == machine.Ending {
		s.casualties(v)
	}
}

// casualties ends and revives what depends on a service that failed.
func (s *Supervisor) casualties(v *service) {
	if v.cron != nil || v.of != nil { // Nobody depends on a run of it.
		return
	}
	for _, name := range plan.Casualties(v.project.graph(), v.config.Name) {
		other := v.project.services[name]
		v.project.stale = true
		other.again, other.gently = true, false
		other.wish = machine.Cause{
			Kind: machine.ByDependency, Service: v.config.Name,
			Text: "dependency " + v.config.Name + " failed",
		}
	}
}
