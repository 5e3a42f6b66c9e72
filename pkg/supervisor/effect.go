package supervisor

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/probe"
	"systemg.org/sysg/pkg/spec"
)

// killPatience is how long the last process may take to vanish after SIGKILL
// before it is reported as stuck and killed again.
const killPatience = 10 * time.Second

// carry carries out one effect.
func (s *Supervisor) carry(v *service, effect machine.Effect, cause machine.Cause) {
	now := time.Now()
	switch effect {
	case machine.DoPrepare:
		s.prepare(v)
	case machine.DoLaunch:
		v.run = s.launch(v, spec.RoleMain)
	case machine.DoWatch:
		s.watch(v)
	case machine.DoSteady:
		s.deadlines.set(v, deadline{at: now.Add(v.config.Restart.StableAfter), event: machine.Steady})
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
	default:
		panic("bug: no such effect: " + string(effect))
	}
}

// prepare runs the pre_start command; a service without one is prepared.
func (s *Supervisor) prepare(v *service) {
	if v.config.PreStart == nil {
		s.feed(v, machine.Prepared, v.cause)
		return
	}
	v.run = s.launch(v, spec.RolePreStart)
	s.limitPreStart(v)
}

func (s *Supervisor) limitPreStart(v *service) {
	if v.config.PreStart == nil { // Its definition has changed since.
		return
	}
	s.deadlines.set(v, deadline{
		at: time.Now().Add(v.config.PreStart.Timeout), event: machine.Condemn,
		cause: machine.Cause{
			Kind: machine.ByTimer, Code: api.CodePreStartTimeout,
			Text: fmt.Sprintf("its pre_start command did not end within %s", v.config.PreStart.Timeout),
		},
	})
}

// launch asks sysg-exec for a new incarnation.
func (s *Supervisor) launch(v *service, role spec.Role) *run {
	r := &run{service: v, role: role, incarnation: newIncarnation(), number: v.project.generation.Number}
	s.runs[r.incarnation] = r
	s.ask(r)
	return r
}

// ask sends the launch of r. It may be sent again after a lost connection,
// since a launch is idempotent by its incarnation. An error is that of the
// connection, whose end is told as an event and mended there.
func (s *Supervisor) ask(r *run) {
	p := r.service.project.generation
	err := s.helper.Launch(spec.Launch{
		Project: p.Project, Generation: p.Number, Hash: p.Hash,
		Service: r.service.config.Name, Role: r.role, Incarnation: r.incarnation,
	})
	if err != nil {
		s.log.Debug("Cannot ask for a launch now", "service", r.service.config.Name, "error", err)
	}
}

// newIncarnation names a run: 128 random bits, in hex.
func newIncarnation() string {
	var id [16]byte
	rand.Read(id[:]) // never fails since Go 1.24
	return hex.EncodeToString(id[:])
}

// watch begins to find out whether a service that runs is ready.
func (s *Supervisor) watch(v *service) {
	ready := v.config.Ready
	now := time.Now()
	s.deadlines.set(v, deadline{
		at: now.Add(ready.Timeout), event: machine.Condemn,
		cause: machine.Cause{
			Kind: machine.ByTimer, Code: api.CodeHealthTimeout,
			Text: fmt.Sprintf("it was not ready within %s (start_timeout)", ready.Timeout),
		},
	})
	if ready.By == generation.ByHealth && v.config.Health != nil {
		v.health = &check{schedule: probe.Start(*v.config.Health, now)}
		s.attempt(v)
		return
	}
	alive := now // since when; a run that was found is older than our knowledge of it
	if r := v.run; r != nil && !r.started.IsZero() && r.started.Before(now) {
		alive = r.started
	}
	s.deadlines.set(v, deadline{
		at: alive.Add(ready.StableFor), event: machine.Readied,
		cause: machine.Cause{Kind: machine.ByReadiness, Text: fmt.Sprintf("it has been alive for %s", ready.StableFor)},
	})
}

// signal ends a service politely.
func (s *Supervisor) signal(v *service) {
	if v.run != nil && v.run.pid != 0 && v.run.exited == nil {
		s.helper.Signal(spec.Signal{Incarnation: v.run.incarnation, Signal: v.config.Stop.Signal, Group: v.config.Stop.Group})
	}
	s.deadlines.set(v, deadline{
		at: time.Now().Add(v.config.Stop.Timeout), event: machine.Overdue,
		cause: machine.Cause{Kind: machine.ByTimer, Text: fmt.Sprintf("it did not end within %s (stop.timeout)", v.config.Stop.Timeout)},
	})
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
