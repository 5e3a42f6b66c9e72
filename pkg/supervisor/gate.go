package supervisor

import (
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/plan"
)

// start.max_concurrent bounds how many services of all projects are on their
// way up at a time. What wakes a lazy or a scheduled service does not wait for
// room, and a candidate does not either: its service is up.

// boundBy takes the bound of a generation. That of the one installed last is
// in force.
func (s *Supervisor) boundBy(g generation.Supervise) {
	s.bound = max(g.Settings.MaxConcurrent, 0)
	s.closed.Store(g.Settings.Closed)
}

// Closed says whether who is neither root nor an operator may not even look on.
func (s *Supervisor) Closed() bool { return s.closed.Load() }

// room is how many services may be released now, below 0 for no bound.
func (s *Supervisor) room() int {
	if s.bound == 0 {
		return -1
	}
	busy := 0
	for _, p := range s.projects {
		for _, v := range p.services {
			if plan.OnItsWay(v.state) {
				busy++
			}
		}
	}
	return max(s.bound-busy, 0)
}

// gate leaves out the releases for which there is no room.
func (s *Supervisor) gate(p *project, actions []plan.Action) []plan.Action {
	allowed, held := plan.Gate(actions, s.room())
	p.held = held > 0
	return allowed
}

// openGate has projects planned in which something waits for room, where there
// is some again.
func (s *Supervisor) openGate() {
	if s.bound > 0 && s.room() == 0 {
		return
	}
	for _, p := range s.projects {
		p.stale = p.stale || p.held
	}
}
