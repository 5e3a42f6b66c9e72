package supervisor

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/logs"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/probe"
	"systemg.org/sysg/pkg/spec"
)

// When a service that runs is ready is told by its readiness rule. Whatever the
// rule, what it waits for has to come within start_timeout.

// watch begins to find out whether a service that runs is ready.
func (s *Supervisor) watch(v *service) {
	ready := v.config.Ready
	now := time.Now()
	s.deadlines.set(v, deadline{
		at: now.Add(ready.Timeout), event: machine.Condemn,
		cause: machine.Cause{
			Kind: machine.ByTimer, Code: api.CodeStartTimeout,
			Text: fmt.Sprintf("it was not ready within %s (start_timeout): %s", ready.Timeout, awaited(ready)),
		},
	})
	switch {
	case ready.By == generation.ByHealth && v.config.Health != nil:
		s.examine(v, spec.RoleHealth, *v.config.Health, probe.Start(*v.config.Health, now))
	case ready.By == generation.ByLog: // awaitLine, at launch: also for what was written before our time
	case ready.By == generation.ByStable:
		alive := now // since when; a run that was found is older than our knowledge of it
		if r := v.run; r != nil && !r.started.IsZero() && r.started.Before(now) {
			alive = r.started
		}
		s.deadlines.set(v, deadline{
			at: alive.Add(ready.StableFor), event: machine.Readied,
			cause: machine.Cause{Kind: machine.ByReadiness, Text: fmt.Sprintf("it has been alive for %s", ready.StableFor)},
		})
	}
}

// awaited says what a rule waits for, for people.
func awaited(ready generation.Ready) string {
	switch ready.By {
	case generation.ByHealth:
		return "its health check did not pass"
	case generation.ByNotify:
		return "it did not send READY=1 (ready: notify)"
	case generation.ByLog:
		return fmt.Sprintf("it wrote no line that matches %q (ready: log)", ready.Pattern)
	case generation.ByFD:
		return fmt.Sprintf("it wrote no line to descriptor %d (ready: fd)", ready.FD)
	}
	return fmt.Sprintf("stable_for is %s", ready.StableFor)
}

// steady begins what goes on for as long as a service is ready.
func (s *Supervisor) steady(v *service) {
	now := time.Now()
	s.deadlines.set(v, deadline{at: now.Add(v.config.Restart.StableAfter), event: machine.Steady})
	if v.config.Liveness != nil {
		s.examine(v, spec.RoleLiveness, *v.config.Liveness, probe.Watch(*v.config.Liveness, now))
	}
	s.watchdog(v)
}

// pattern is what the lines of a run are matched with, nil where nobody waits
// for one.
func (r *run) pattern() *regexp.Regexp {
	v := r.service
	if r.role != spec.RoleMain || v.config.Ready.By != generation.ByLog {
		return nil
	}
	// The manifest was refused if it does not compile.
	pattern, _ := regexp.Compile(v.config.Ready.Pattern)
	return pattern
}

// awaitLine is the watch for the line that makes a run ready, nil for none.
func (s *Supervisor) awaitLine(r *run) *logs.Watch {
	pattern := r.pattern()
	if pattern == nil {
		return nil
	}
	incarnation := r.incarnation
	return &logs.Watch{Match: pattern.Match, Found: func([]byte) {
		s.inbox.post(func() { s.wroteLine(incarnation) })
	}}
}

func (s *Supervisor) wroteLine(incarnation string) {
	if r := s.runs[incarnation]; r != nil {
		s.saysReady(r, "it wrote the line that its ready rule waits for")
	}
}

// hearReady reads what a run writes to its ready descriptor: a line, or
// anything before it closes it, makes it ready.
func (s *Supervisor) hearReady(r *run, file *os.File) {
	r.ears = append(r.ears, file)
	incarnation := r.incarnation
	go func() { // Ends at the end of the pipe, or when it is closed.
		var all []byte
		buf := make([]byte, 512)
		for {
			n, err := file.Read(buf)
			all = append(all, buf[:n]...)
			line := bytes.IndexByte(all, '\n') >= 0
			if !line && err == nil && len(all) < 1<<16 {
				continue
			}
			if !errors.Is(err, os.ErrClosed) {
				s.inbox.post(func() { s.wroteReady(incarnation, len(all) > 0) })
			}
			return
		}
	}()
}

// wroteReady is the end of what a run says on its ready descriptor.
func (s *Supervisor) wroteReady(incarnation string, said bool) {
	r := s.runs[incarnation]
	if r == nil {
		return
	}
	switch {
	case said:
		s.saysReady(r, "it wrote to its ready descriptor")
		s.whenSaved(r.service.project, func() {})
	case r.found:
		// The one before us may have read what was said.
		s.saysReady(r, "it has closed its ready descriptor")
	case r.service.run == r && r.service.state == machine.Starting:
		s.condemn(r.service, machine.Cause{
			Kind: machine.ByReadiness, Code: api.CodeReadyLost,
			Text: "it closed its ready descriptor before it wrote a line to it",
		})
	}
}
