package supervisor

import (
	"fmt"
	"slices"
	"time"

	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/spec"
)

// A service whose manifest says so may ask sysg-exec for children of its own.
// They are runs beside: the machine does not know them, and none of them keeps
// its service from anything. We hear of each when it runs (Spawned), or find it
// (Listed); we end it when its time is over, when all of them use too much
// memory, and when what it belongs to ends.

// child is what makes a run a child.
type child struct {
	spec.Child
	// ending: it was asked to end. killed: it was killed, and stuck: something
	// of it outlived that.
	ending, killed, stuck bool
	// parentPID is that of its parent, which may be gone.
	parentPID int
}

// formerChildren is how many children that have ended a service is shown with.
const formerChildren = 10

// spawned is the news of a child.
func (s *Supervisor) spawned(event execclient.Event) {
	record := event.Reply.Spawned.Record
	if s.runs[record.Launch.Incarnation] != nil {
		event.CloseFiles()
		return
	}
	p := s.projects[record.Launch.Project]
	if p == nil || p.services[record.Launch.Service] == nil || record.Child == nil {
		event.CloseFiles()
		s.helper.Kill(spec.Kill{Incarnation: record.Launch.Incarnation})
		return
	}
	s.addChild(p.services[record.Launch.Service], &record, event)
}

// addChild takes a child up, with the descriptors that came with the news.
func (s *Supervisor) addChild(v *service, record *spec.Record, event execclient.Event) *run {
	r := &run{
		service: v, role: spec.RoleChild, incarnation: record.Launch.Incarnation, number: record.Launch.Generation,
		pid: record.PID, cgroup: record.Cgroup, started: record.Started, pidFD: event.PidFD,
		child: &child{Child: *record.Child},
	}
	if parent := s.runs[record.Child.Parent]; parent != nil {
		r.child.parentPID = parent.pid
	}
	r.side = &beside{over: func(how outcome) { s.childOver(r, how) }, gone: func() { s.childGone(r) }}
	s.runs[r.incarnation] = r
	v.children = append(v.children, r)
	s.attach(r, event)
	s.changed(v.project)
	if r.child.TTL > 0 {
		s.deadlines.set(v, deadline{at: r.started.Add(r.child.TTL), run: r})
	}
	s.place(r)
	return r
}

// place decides about a child whose parent may have ended by now.
func (s *Supervisor) place(r *run) {
	v := r.service
	if !v.wanted || v.state == machine.Stopping || v.state == machine.Down {
		s.endChild(r, "its service was stopped", false)
		return
	}
	if parent := s.runs[r.child.Parent]; parent == nil || parent.exited != nil {
		s.bereave(r)
	}
}

// bereave is what becomes of a child whose parent has ended, or was replaced.
func (s *Supervisor) bereave(r *run) {
	v := r.service
	switch v.termination() {
	case generation.TerminateOrphan:
	case generation.TerminateReparent:
		if main := v.run; main != nil && main.role == spec.RoleMain && main.exited == nil {
			r.child.Parent, r.child.parentPID = main.incarnation, main.pid
		}
	default:
		s.endChild(r, "its parent has ended", true)
	}
}

// termination is the policy for children; where a newer manifest has none they
// end.
func (v *service) termination() generation.Termination {
	if v.config.Spawn == nil {
		return generation.TerminateCascade
	}
	return v.config.Spawn.Termination
}

// parentEnded sees to the children of a run that has ended.
func (s *Supervisor) parentEnded(r *run) {
	if r.role != spec.RoleMain && r.role != spec.RoleChild {
		return
	}
	v := r.service.project.services[r.service.config.Name] // r may have been a candidate
	if v == nil {
		return
	}
	for _, other := range slices.Clone(v.children) {
		if other.child.Parent == r.incarnation && other.exited == nil {
			s.bereave(other)
		}
	}
}

// inherit gives the children without a parent to a new incarnation, where their
// policy is to be reparented.
func (s *Supervisor) inherit(r *run) {
	v := r.service
	if v.termination() != generation.TerminateReparent {
		return
	}
	for _, other := range v.children {
		if parent := s.runs[other.child.Parent]; parent == nil || parent.exited != nil {
			other.child.Parent, other.child.parentPID = r.incarnation, r.pid
		}
	}
}

// endChildren ends all that live, since their service is stopped.
func (s *Supervisor) endChildren(v *service) {
	for _, r := range slices.Clone(v.children) {
		s.endChild(r, "its service was stopped", false)
	}
}

// endLeftChildren ends the children of services that have ended by themselves
// and are stopped now: children may outlive their service, but not its stop.
func (s *Supervisor) endLeftChildren(p *project) {
	for _, v := range p.services {
		if len(v.children) > 0 && !v.wanted && !v.state.Alive() {
			s.endChildren(v)
		}
	}
}

// endChild ends one politely; what is left of it after stop.timeout is killed.
// With holds, the next incarnation waits for that.
func (s *Supervisor) endChild(r *run, why string, holds bool) {
	v := r.service
	if r.emptied {
		return
	}
	if holds && !r.ghost {
		r.ghost = true
		v.ghosts++
	}
	if r.child.ending || r.exited != nil {
		return
	}
	r.child.ending = true
	r.condemned = &machine.Cause{Kind: machine.ByDependency, Text: why}
	s.helper.Signal(spec.Signal{Incarnation: r.incarnation, Signal: v.config.Stop.Signal, Group: v.config.Stop.Group})
	s.deadlines.set(v, deadline{at: time.Now().Add(v.config.Stop.Timeout), run: r})
}

// childLate is a child whose time is over: that to live, or that to end.
func (s *Supervisor) childLate(r *run) {
	if !r.child.ending {
		s.note(r.service, fmt.Sprintf("its child %s was ended: its ttl of %s was over", r.child.Name, r.child.TTL))
		s.endChild(r, fmt.Sprintf("its ttl of %s was over", r.child.TTL), false)
		return
	}
	r.child.killed, r.child.stuck = true, r.child.killed
	s.helper.Kill(spec.Kill{Incarnation: r.incarnation})
	s.deadlines.set(r.service, deadline{at: time.Now().Add(killPatience), run: r})
}

// stuckChild reports whether something of a child cannot be killed.
func (v *service) stuckChild() bool {
	return slices.ContainsFunc(v.children, func(r *run) bool { return r.child.stuck })
}

// childOver is the end of a child's process.
func (s *Supervisor) childOver(r *run, how outcome) {
	if !how.passed && !r.child.ending {
		s.note(r.service, fmt.Sprintf("its child %s %s", r.child.Name, how.how))
	}
	switch {
	case s.runs[r.incarnation] == nil: // It was lost: nothing more will be heard.
		s.childGone(r)
	case r.exited != nil && !r.exited.Emptied: // What it left is being killed.
		r.child.ending, r.child.killed = true, true
		s.deadlines.set(r.service, deadline{at: time.Now().Add(killPatience), run: r})
	}
}

// childGone is a child of which nothing is left.
func (s *Supervisor) childGone(r *run) {
	v := r.service
	s.deadlines.drop(r)
	v.children = slices.DeleteFunc(v.children, func(other *run) bool { return other == r })
	v.former = append(v.former, r)
	if extra := len(v.former) - formerChildren; extra > 0 {
		v.former = slices.Clone(v.former[extra:])
	}
	v.project.stale = true
}
