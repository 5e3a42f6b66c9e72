package supervisor

import (
	"fmt"
	"strings"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/plan"
	"systemg.org/sysg/pkg/probe"
	"systemg.org/sysg/pkg/spec"
)

// trial is a replacement in progress: the steps of plan.Steps, and where it is.
// It goes forward until a step fails, then backward through what plan.Undo says.
type trial struct {
	candidate *service
	steps     []plan.Step
	at        int // the step in progress
	// undoing: a step failed, for cause; undone is what is left to do then.
	undoing bool
	undone  []plan.Deed
	cause   machine.Cause
	// busy: a deed is in progress, cancel ends it.
	busy   bool
	cancel func()
	gone   bool // nothing is left of the candidate
	// stranded: a deed could not begin without sysg-exec.
	stranded bool
	// unturned: the traffic could not be turned back.
	unturned bool
}

// deed is the step in progress.
func (t *trial) deed() plan.Deed { return t.steps[t.at].Do }

// passed reports whether a step is behind it.
func (t *trial) passed(deed plan.Deed) bool {
	for _, step := range t.steps[:t.at] {
		if step.Do == deed {
			return true
		}
	}
	return false
}

// replaceable reports whether the service is replaced without a gap where it is
// wanted again, instead of being ended.
func (v *service) replaceable() bool {
	if !v.gently || v.state != machine.Ready || v.run == nil || v.run.exited != nil {
		return false
	}
	gapless, _ := plan.Gapless(v.config)
	return gapless
}

// replace begins a replacement. One that is under way already is for another
// definition, or another wish: it ends first.
func (s *Supervisor) replace(v *service, cause machine.Cause) {
	if v.trial != nil {
		s.withdraw(v, machine.Cause{Kind: cause.Kind, Text: "another restart was asked for meanwhile"})
		return
	}
	if len(v.standIns) > 0 || v.ghosts > 0 { // The last one is not quite gone.
		return
	}
	v.again, v.tried, v.witnesses = false, time.Now(), nil
	candidate := s.standIn(v, machine.Waiting)
	candidate.hopeful = true
	if v.slotOf() != nil {
		candidate.slot = 1 - v.slot
	}
	v.trial = &trial{candidate: candidate, steps: plan.Steps(v.config), cancel: func() {}, cause: cause}
	s.touch(v.project)
	s.proceed(v, v.trial)
}

// proceed takes the step in progress.
func (s *Supervisor) proceed(v *service, t *trial) {
	if step := t.steps[t.at]; step.Recorded {
		s.changed(v.project)
		s.whenSaved(v.project, func() { s.do(v, t, step.Do) })
		return
	}
	s.do(v, t, t.deed())
}

// do begins a deed of the way forward; next or fails follows.
func (s *Supervisor) do(v *service, t *trial, deed plan.Deed) {
	if v.trial != t || t.undoing || t.deed() != deed {
		return
	}
	c := t.candidate
	if c.state != machine.Ready && deed != plan.DeedLaunch && deed != plan.DeedRetire {
		s.fails(v, t, c.cause) // It has ended just now.
		return
	}
	t.busy = true
	s.step(v, "replace", "replacement: "+strings.ReplaceAll(string(deed), "_", " "), "active")
	switch deed {
	case plan.DeedLaunch:
		s.feed(c, machine.Release, machine.Cause{Kind: t.cause.Kind, Text: t.cause.Text})
	case plan.DeedCheck:
		s.examineCandidate(v, t, checkInSlot(v.config.Rolling.BlueGreen, t.candidate.slot), spec.RoleCandidate)
	case plan.DeedRecheck:
		s.examineCandidate(v, t, *v.config.Health, spec.RoleHealth)
	case plan.DeedSwitch:
		s.turn(v, t, spec.RoleSwitch, c.slot, s.stepOver(v, t))
	case plan.DeedVerify:
		s.turn(v, t, spec.RoleVerify, c.slot, s.stepOver(v, t))
	case plan.DeedGrace:
		s.deadlines.set(c, deadline{at: time.Now().Add(v.config.Rolling.Grace), trial: t})
	case plan.DeedPromote:
		s.promote(v, t)
		s.next(v, t)
	case plan.DeedRetire:
		v.trial = nil
		s.step(v, "replace", "replacement", "done")
		for _, old := range v.standIns {
			s.endStandIn(old, machine.Cause{Kind: machine.ByRequest, Text: "its successor has taken over"})
		}
		s.touch(v.project)
	}
}

// next goes on to the next step.
func (s *Supervisor) next(v *service, t *trial) {
	if v.trial != t || t.undoing {
		return
	}
	t.busy, t.cancel = false, func() {}
	t.at++
	s.changed(v.project)
	s.proceed(v, t)
}

// turn runs one of the commands of a switch.
func (s *Supervisor) turn(v *service, t *trial, role spec.Role, slot int, over func(outcome)) {
	limit := v.config.Rolling.BlueGreen.Timeout
	r := s.besides(v, spec.Launch{Role: role, Slot: &slot}, beside{limit: limit, patient: true, over: over})
	t.stranded = r == nil
	t.cancel = func() { s.giveUp(r) }
}

// stepOver is the end of a command that is a step.
func (s *Supervisor) stepOver(v *service, t *trial) func(outcome) {
	return func(how outcome) {
		t.cancel = func() {}
		if how.passed {
			s.next(v, t)
			return
		}
		s.fails(v, t, machine.Cause{Kind: machine.ByReadiness, Text: fmt.Sprintf("its %s command %s", t.deed(), how.how)})
	}
}

// examineCandidate makes a row of attempts, as a check does.
func (s *Supervisor) examineCandidate(v *service, t *trial, check generation.Probe, role spec.Role) {
	schedule := probe.Start(check, time.Now())
	s.tryCandidate(v, t, check, role, &schedule)
}

func (s *Supervisor) tryCandidate(v *service, t *trial, check generation.Probe, role spec.Role, schedule *probe.Schedule) {
	if v.trial != t || t.undoing {
		return
	}
	if t.stranded = !s.connected; t.stranded { // It begins anew then.
		return
	}
	limit := time.Until(schedule.Deadline(time.Now()))
	t.cancel = s.probeOnce(t.candidate, check, role, nil, limit, func(answer probe.Answer) {
		t.cancel = func() {}
		result := schedule.Result(time.Now(), answer.Passed)
		switch result.Verdict {
		case probe.Passed:
			s.next(v, t)
		case probe.Failed:
			s.fails(v, t, machine.Cause{
				Kind: machine.ByReadiness, Code: api.CodeUnhealthy,
				Text: fmt.Sprintf("the check of the candidate failed: %s; the last attempt %s", result.Reason, answer.Text),
			})
		default:
			again := func() { s.tryCandidate(v, t, check, role, schedule) }
			s.deadlines.set(t.candidate, deadline{at: result.At, trial: t, then: again})
		}
	})
}

// followed looks at where a stand-in has got to. What follows happens in a turn
// of its own, since the machine may be in the midst of it.
func (s *Supervisor) followed(v *service, cause machine.Cause) {
	of, t := v.of, v.of.trial
	if t == nil || t.candidate != v {
		return
	}
	switch v.state {
	case machine.Ready:
		s.inbox.post(func() {
			if of.trial == t && v.state == machine.Ready && t.deed() == plan.DeedLaunch {
				s.next(of, t)
			}
		})
	case machine.Ending:
		s.inbox.post(func() {
			s.witnessed(of, v)
			s.fails(of, t, cause)
		})
	}
}

// witnessed takes over what tells of the candidate's end.
func (s *Supervisor) witnessed(v, candidate *service) {
	if len(candidate.witnesses) > 0 {
		v.witnesses = candidate.witnesses
	}
}

// promote gives the candidate the place of the service, and the old
// incarnation a stand-in of its own to end in.
func (s *Supervisor) promote(v *service, t *trial) {
	c := t.candidate
	if v.run != nil {
		old := s.standIn(v, v.state)
		old.run = v.run
		old.run.service = old
	}
	s.dissolve(c)
	v.run, v.slot = c.run, c.slot
	v.run.service = v
	c.run = nil
	v.restarts, v.stuck, v.witnesses = 0, false, c.witnesses
	text := fmt.Sprintf("its candidate, process %d, has taken over", v.run.pid)
	s.enter(v, machine.Ready, machine.Readied, machine.Cause{Kind: machine.ByReadiness, Text: text})
	s.resume(v)
	s.started(v)
	if v.slotOf() != nil {
		s.keepSlot(v)
	}
	s.touch(v.project)
}
