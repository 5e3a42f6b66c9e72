package supervisor

import (
	"context"
	"fmt"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/probe"
	"systemg.org/sysg/pkg/spec"
)

// A check is a row of attempts, repeated as package probe says: the health
// check of a service that starts, or the liveness check of one that is ready.
// It belongs to the state of the service and ends with that. Its deadline is
// the time of the next attempt.

// check is a check of a service in progress.
type check struct {
	probe    generation.Probe
	role     spec.Role
	schedule probe.Schedule
	tally    probe.Tally
	cancel   func() // ends the attempt under way
	failing  bool   // so did the last attempt
}

// examine begins a check.
func (s *Supervisor) examine(v *service, role spec.Role, what generation.Probe, schedule probe.Schedule) {
	s.endHealth(v)
	v.health = &check{probe: what, role: role, schedule: schedule, cancel: func() {}}
	if first := schedule.First(); first.After(time.Now()) {
		s.deadlines.set(v, deadline{at: first, probe: true})
		return
	}
	s.attempt(v)
}

// attempt begins one attempt. Without sysg-exec there is none of a command,
// which is nothing that the service could be blamed for: resume begins anew.
func (s *Supervisor) attempt(v *service) {
	c := v.health
	if c == nil {
		return
	}
	if c.role == spec.RoleHealth {
		s.step(v, "health", fmt.Sprintf("health check, attempt %d", c.schedule.Attempt()), "active")
	}
	limit := time.Until(c.schedule.Deadline(time.Now()))
	c.cancel = s.probeOnce(v, c.probe, c.role, nil, limit, func(answer probe.Answer) { s.probed(v, c, answer) })
}

// probeOnce makes one attempt of a check, by the command of role or by a
// connection of our own, and tells the answer in the loop. After cancel it
// tells nothing. Without sysg-exec a command tells nothing either.
func (s *Supervisor) probeOnce(v *service, check generation.Probe, role spec.Role, slot *int, limit time.Duration, over func(probe.Answer)) (cancel func()) {
	check = v.inSlot(check)
	if check.URL == "" && check.TCP == "" && check.Unix == "" {
		r := s.besides(v, spec.Launch{Role: role, Slot: slot}, beside{
			limit: max(limit, 1), over: func(how outcome) { over(how.answer()) },
		})
		return func() { s.giveUp(r) }
	}
	ctx, end := context.WithTimeout(s.life, limit)
	wanted := true
	go func() { // Ends with ctx at the latest.
		defer end()
		answer := s.connect(ctx, check)
		s.inbox.post(func() {
			if wanted {
				over(answer)
			}
		})
	}()
	return func() {
		wanted = false
		end()
	}
}

// answer is what the end of a command says about a service.
func (o outcome) answer() probe.Answer {
	answer := probe.Answer{Passed: o.passed, Text: o.how}
	switch {
	case o.late:
		answer.Class = probe.TimedOut
	case !o.passed:
		answer.Class = probe.Unhealthy
	}
	return answer
}

// probed is the result of an attempt.
func (s *Supervisor) probed(v *service, c *check, answer probe.Answer) {
	if v.health != c {
		return
	}
	c.cancel, c.failing = func() {}, !answer.Passed
	if !answer.Passed {
		c.tally.Add(answer.Class)
	}
	next := c.schedule.Result(time.Now(), answer.Passed)
	switch next.Verdict {
	case probe.Passed:
		s.feed(v, machine.Readied, machine.Cause{Kind: machine.ByReadiness, Text: "its health check passed"})
	case probe.Failed:
		s.condemn(v, machine.Cause{
			Kind: machine.ByReadiness, Code: c.code(),
			Text: fmt.Sprintf("its %s check failed: %s; the last attempt %s", c.role, next.Reason, answer.Text),
		})
	default:
		s.deadlines.set(v, deadline{at: next.At, probe: true})
	}
}

// code tells what kind of failure a failed check is.
func (c *check) code() string {
	switch {
	case c.role == spec.RoleLiveness:
		return api.CodeLiveness
	case c.tally.Class() == probe.Unreached:
		return api.CodeUnreached
	case c.tally.Class() == probe.TimedOut:
		return api.CodeHealthTimeout
	}
	return api.CodeUnhealthy
}

// endHealth ends the check of a service that leaves its state.
func (s *Supervisor) endHealth(v *service) {
	if v.health != nil {
		v.health.cancel()
		s.deadlines.remove(v, func(one deadline) bool { return one.probe })
	}
	v.health = nil
}
