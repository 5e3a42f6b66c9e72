package supervisor

import (
	"fmt"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/probe"
	"systemg.org/sysg/pkg/spec"
)

// A health check is a run in the role health beside the main process, repeated
// as package probe says. Its deadline is either the end of the attempt in
// progress or the time of the next one.

// attempt begins one attempt. Without sysg-exec there is none, which is nothing
// that the service could be blamed for: resume begins anew.
func (s *Supervisor) attempt(v *service) {
	if !s.connected {
		return
	}
	v.health.run = s.launch(v, spec.RoleHealth)
	s.probeAt(v, v.health.schedule.Deadline(time.Now()))
}

func (s *Supervisor) probeAt(v *service, at time.Time) {
	s.deadlines.set(v, deadline{at: at, probe: true})
}

// probeTime is the deadline of the health check.
func (s *Supervisor) probeTime(v *service) {
	switch {
	case v.health == nil || !s.connected:
	case v.health.run == nil:
		s.attempt(v)
	default:
		r := v.health.run
		s.helper.Kill(spec.Kill{Incarnation: r.incarnation})
		s.probed(v, r, false, fmt.Sprintf("did not end within %s (attempt_timeout)", v.config.Health.AttemptTimeout))
	}
}

// probed is the result of an attempt. One that nobody waits for any more is
// ignored.
func (s *Supervisor) probed(v *service, r *run, passed bool, how string) {
	if v.health == nil || v.health.run != r {
		return
	}
	v.health.run = nil
	next := v.health.schedule.Result(time.Now(), passed)
	switch next.Verdict {
	case probe.Passed:
		s.feed(v, machine.Readied, machine.Cause{Kind: machine.ByReadiness, Text: "its health check passed"})
	case probe.Failed:
		s.condemn(v, machine.Cause{
			Kind: machine.ByReadiness, Code: api.CodeUnhealthy,
			Text: fmt.Sprintf("its health check failed: %s; the last attempt %s", next.Reason, how),
		})
	default:
		s.probeAt(v, next.At)
	}
}

// endHealth ends the health check of a service that leaves its state.
func (s *Supervisor) endHealth(v *service) {
	if v.health != nil && v.health.run != nil {
		s.helper.Kill(spec.Kill{Incarnation: v.health.run.incarnation})
	}
	v.health = nil
}
