package supervisor

import (
	"fmt"
	"time"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// A service has one run that occupies it, which the machine knows. Everything
// else of it runs beside that one: probes, hooks, the stop command, a candidate
// for its place. Whoever starts such a run says what is to be done when it
// ends; nothing of it goes through the machine unless he feeds it there.

// beside is what a run that does not occupy its service is for. All functions
// are called in the loop, and may be nil.
type beside struct {
	// limit is how long it may take, 0 for as long as it likes. What is not
	// over by then is killed.
	limit time.Duration
	// patient: where sysg-exec is not there, it is launched once it is.
	patient bool
	// began: its process is past execve.
	began func()
	// over: it never came to run, its main process ended, or its limit passed;
	// called once, and never after giveUp.
	over func(outcome)
	// gone: nothing of it is left. It comes after over.
	gone func()
}

// outcome is how a run beside came to its end.
type outcome struct {
	passed bool   // it exited with 0
	how    string // "exited with code 3", to follow the name of the command
	late   bool   // its limit had passed
}

// besides launches a role beside the main run. Without sysg-exec nothing can be
// launched, and nil is returned.
func (s *Supervisor) besides(v *service, request spec.Launch, side beside) *run {
	if !s.connected && !side.patient {
		return nil
	}
	r := &run{
		service: v, role: request.Role, incarnation: newIncarnation(), number: v.project.generation.Number,
		side: &side, slot: v.slotted(request), event: request.Event,
	}
	if v.run != nil {
		r.beside = v.run.incarnation
	}
	s.runs[r.incarnation] = r
	v.witness(r)
	s.ask(r)
	if side.limit > 0 {
		s.deadlines.set(v, deadline{at: time.Now().Add(side.limit), run: r})
	}
	return r
}

// late is the limit of a run beside.
func (s *Supervisor) late(r *run) {
	if r.child != nil {
		s.childLate(r)
		return
	}
	s.helper.Kill(spec.Kill{Incarnation: r.incarnation})
	s.over(r, outcome{how: fmt.Sprintf("did not end within %s", r.side.limit), late: true})
}

// giveUp gives a run beside up: it is killed, and nobody wants to know how it ends.
func (s *Supervisor) giveUp(r *run) {
	if r == nil || r.side == nil {
		return
	}
	r.side.over = nil
	s.deadlines.drop(r)
	if !r.emptied {
		s.helper.Kill(spec.Kill{Incarnation: r.incarnation})
	}
}

// over tells whoever started a run beside how it ended, once.
func (s *Supervisor) over(r *run, how outcome) {
	s.deadlines.drop(r)
	if r.side == nil || r.side.over == nil {
		return
	}
	tell := r.side.over
	r.side.over = nil
	tell(how)
}

// outcome is that of a run whose main process has ended.
func (r *run) outcome() outcome {
	return outcome{passed: r.end().Succeeded([]generation.Exit{{}}), how: describe(r)}
}
