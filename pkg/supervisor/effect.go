package supervisor

import (
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// killPatience is how long the last process may take to vanish after SIGKILL
// before it is reported as stuck and killed again.
const killPatience = 10 * time.Second

// carry carries out one effect.
func (s *Supervisor) carry(v *service, effect machine.Effect, cause machine.Cause) {
	switch effect {
	case machine.DoPrepare:
		s.listen(v, false)
		s.prepare(v)
	case machine.DoLaunch:
		v.run = s.launch(v, spec.RoleMain)
	case machine.DoWatch:
		s.watch(v)
		s.limitRun(v)
	case machine.DoSteady:
		s.steady(v)
		s.limitRun(v)
	case machine.DoSignal:
		s.signal(v)
	case machine.DoKill:
		s.kill(v)
	case machine.DoBackoff:
		s.backoff(v)
	case machine.DoRest:
		s.rest(v)
	case machine.DoForgive:
		v.restarts, v.retryAt, v.stuck = 0, time.Time{}, false
	case machine.DoListen:
		s.listen(v, false)
	case machine.DoSchedule:
		// fireCrons looks at every schedule in each turn.
	default:
		panic("bug: no such effect: " + string(effect))
	}
}

// launch asks sysg-exec for a new incarnation.
func (s *Supervisor) launch(v *service, role spec.Role) *run {
	r := &run{service: v, role: role, incarnation: newIncarnation(), number: v.project.generation.Number, slot: v.slotOf(), definition: v.config.Hash}
	s.runs[r.incarnation] = r
	v.witness(r)
	v.askedRun(r)
	s.ask(r)
	return r
}

// ask sends the launch of r. It may be sent again after a lost connection,
// since a launch is idempotent by its incarnation. An error is that of the
// connection, whose end is told as an event and mended there.
func (s *Supervisor) ask(r *run) {
	p := r.service.project.generation
	number, hash := p.Number, p.Hash
	if r.service.removed {
		number, hash = r.service.definedIn, r.service.definedBy
	}
	err := s.helper.Launch(spec.Launch{
		Project: p.Project, Generation: number, Hash: hash,
		Service: r.service.config.Name, Role: r.role, Incarnation: r.incarnation, Slot: r.slot, Event: r.event, Beside: r.beside,
	})
	if err != nil {
		s.log.Debug("Cannot ask for a launch now", "service", r.service.config.Name, "error", err)
	}
}

// newIncarnation names a run: 128 random bits, in hex. The kernel gives so few
// of them always (getrandom(2)).
func newIncarnation() string {
	id, err := sys.RandomID()
	if err != nil {
		panic(err)
	}
	return id
}

// kill ends every process of the current run.
func (s *Supervisor) kill(v *service) {
	if v.run == nil || v.run.emptied {
		return
	}
	s.helper.Kill(spec.Kill{Incarnation: v.run.incarnation})
	s.deadlines.set(v, deadline{at: time.Now().Add(killPatience), event: machine.Overdue, cause: v.cause, killed: true})
}

// backoff waits before the next try. The jitter of a tenth keeps services that
// failed together from trying together for ever.
func (s *Supervisor) backoff(v *service) {
	delay := machine.Delay(v.config.Restart, v.restarts)
	delay += time.Duration((mathrand.Float64()*0.2 - 0.1) * float64(delay))
	v.restarts++
	v.total++
	v.retryAt = time.Now().Add(delay)
	s.deadlines.set(v, deadline{at: v.retryAt, event: machine.Due, cause: machine.Cause{
		Kind: machine.ByPolicy,
		Text: fmt.Sprintf("try %d of %d after %s", v.restarts, v.config.Restart.MaxRestarts, v.cause.Text),
	}})
}

// rest keeps a service given up for retry_after, for ever where that is 0.
func (s *Supervisor) rest(v *service) {
	if v.config.Restart.RetryAfter == 0 {
		return
	}
	v.retryAt = time.Now().Add(v.config.Restart.RetryAfter)
	s.deadlines.set(v, deadline{at: v.retryAt, event: machine.Due, cause: machine.Cause{
		Kind: machine.ByPolicy, Text: fmt.Sprintf("it has rested for %s (retry_after)", v.config.Restart.RetryAfter),
	}})
}
