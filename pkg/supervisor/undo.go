package supervisor

import (
	"fmt"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/plan"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/store"
)

// withdraw ends a replacement that nobody wants any more. One that is past its
// promotion is not to be undone.
func (s *Supervisor) withdraw(v *service, cause machine.Cause) {
	if v.trial != nil && !v.trial.passed(plan.DeedPromote) {
		s.fails(v, v.trial, cause)
	}
}

// fails is a step that failed. What was done is undone; the old incarnation has
// seen nothing of all that.
func (s *Supervisor) fails(v *service, t *trial, cause machine.Cause) {
	if v.trial != t || t.undoing {
		return
	}
	t.cancel()
	t.undoing, t.cause, t.undone = true, cause, plan.Undo(t.steps, t.deed())
	t.busy = false
	s.undo(v, t)
}

// undo takes the next step back; after the last one the trial is over.
func (s *Supervisor) undo(v *service, t *trial) {
	if v.trial != t || !t.undoing || t.busy {
		return
	}
	if len(t.undone) == 0 {
		if t.gone {
			s.acquit(v, t)
		}
		return
	}
	deed := t.undone[0]
	t.undone = t.undone[1:]
	switch deed {
	case plan.DeedSwitchBack:
		s.switchBack(v, t)
	case plan.DeedKill:
		if !t.gone {
			s.endStandIn(t.candidate, machine.Cause{Kind: machine.ByPolicy, Text: "its replacement failed: " + t.cause.Text})
		}
		s.undo(v, t)
	}
}

// switchBack turns the traffic to the slot of the old incarnation.
func (s *Supervisor) switchBack(v *service, t *trial) {
	t.busy = true
	s.turn(v, t, spec.RoleSwitch, v.slot, func(how outcome) {
		t.busy = false
		if !how.passed {
			note := fmt.Sprintf("switching back to slot %s failed: the command %s", v.config.Rolling.BlueGreen.Slots[v.slot], how.how)
			s.noteOfReplacement(v, note)
			t.cause.Text += "; " + note
			t.unturned = true
		}
		s.undo(v, t)
	})
	if t.stranded {
		t.busy, t.undone = false, append([]plan.Deed{plan.DeedSwitchBack}, t.undone...)
	}
}

// acquit ends a trial that failed.
func (s *Supervisor) acquit(v *service, t *trial) {
	v.trial = nil
	s.step(v, "replace", "replacement: "+string(t.deed()), "failed")
	if v.wanted && !v.again {
		v.rejected = v.refusal(t)
		s.noteOfReplacement(v, v.rejected.Title)
	}
	s.touch(v.project)
}

// refusal says that a service was not replaced, and why.
func (v *service) refusal(t *trial) *api.Diagnostic {
	diagnostic := &api.Diagnostic{
		Code:    orElse(t.cause.Code, api.CodeRestartIncomplete),
		Project: v.project.generation.Project, Service: v.config.Name,
		Title: fmt.Sprintf("Service '%s' was not replaced: %s", v.config.Name, t.cause.Text),
		Notes: []string{fmt.Sprintf("the step that failed is %s; %s", t.deed(), v.undoneOf(t))},
		Help: []api.Help{
			{Label: "its output", Command: "sysg logs -s " + v.selector()},
			{Label: "try again", Command: "sysg restart -s " + v.selector()},
		},
	}
	if v.state == machine.Ready && v.run != nil {
		diagnostic.Notes = append(diagnostic.Notes, fmt.Sprintf("the old incarnation, process %d, goes on", v.run.pid))
	}
	if diagnostic.Code == api.CodePortInUse && len(v.config.Sockets) > 0 {
		// Its own sockets, as a rule, lost with both daemons: the same would happen again.
		diagnostic.Help[1] = api.Help{Label: "free the address", Command: "sysg stop -s " + v.selector()}
		diagnostic.Help = append(diagnostic.Help, api.Help{Label: "and then", Command: "sysg start -s " + v.selector()})
	}
	return diagnostic
}

// undoneOf says what a failed replacement left behind.
func (v *service) undoneOf(t *trial) string {
	if !t.unturned {
		return "all before it is undone"
	}
	slots := v.config.Rolling.BlueGreen.Slots
	return fmt.Sprintf("its candidate is ended, but the traffic may still go to slot %s: turn it to slot %s by hand", slots[1-v.slot], slots[v.slot])
}

// unstrand goes on with what could not be done without sysg-exec.
func (s *Supervisor) unstrand(p *project) {
	for _, v := range p.services {
		t := v.trial
		if t == nil || !t.stranded && !(t.undoing && !t.busy) {
			continue
		}
		t.stranded = false
		if t.undoing {
			s.undo(v, t)
		} else {
			s.proceed(v, t)
		}
	}
}

// successor is the record of a replacement, or of what is left of one.
func (v *service) successor() *store.Successor {
	for _, other := range v.standIns {
		if other.run == nil {
			continue
		}
		record := &store.Successor{Incarnation: other.run.incarnation}
		if other.candidate() {
			record.Step = string(v.trial.deed())
		}
		return record
	}
	return nil
}

// recoverSuccessor takes up a replacement that a death interrupted. What had the
// place ends; a candidate does too, and what was done for it is undone.
// Replacing begins anew, since the wish for it is kept.
func (s *Supervisor) recoverSuccessor(v *service, record *store.Successor) {
	if record == nil || !spec.ValidIncarnation(record.Incarnation) {
		return
	}
	other := s.standIn(v, machine.Stopping)
	other.wanted = false
	other.run = &run{service: other, role: spec.RoleMain, incarnation: record.Incarnation, number: v.project.generation.Number, commanded: true}
	s.runs[record.Incarnation] = other.run
	if record.Step == "" || v.config.Rolling == nil {
		return
	}
	other.hopeful, other.slot = true, 1-v.slot
	v.trial = &trial{
		candidate: other, steps: plan.Steps(v.config), undoing: true, cancel: func() {},
		undone: plan.Undo(plan.Steps(v.config), plan.Deed(record.Step)),
		cause:  machine.Cause{Kind: machine.ByRecovery, Text: "the supervisor was restarted meanwhile"},
	}
	if v.slotOf() != nil { // It may have the traffic: it goes after the switch back.
		other.state = machine.Ready
	}
}

// postponed says why a service is not replaced yet.
func (v *service) postponed() api.Diagnostic {
	_, text := v.blocker()
	return api.Diagnostic{
		Code: api.CodeDependency, Project: v.project.generation.Project, Service: v.config.Name,
		Title: fmt.Sprintf("Service '%s' is not replaced: its successor would wait for %s", v.config.Name, text),
		Help:  []api.Help{{Label: "the chain of causes", Command: "sysg why " + v.selector()}},
	}
}
