package supervisor

import (
	"cmp"
	"fmt"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/spec"
)

// A service may be left out: always, by a command that exits 0, or because it
// depends on one that is. Whoever starts it by name overrides its own rule, until
// it is down again.

// preparation is how long a skip command may take where its generation does not
// say.
const preparation = 5 * time.Minute

// skipped reports whether its manifest says to leave the service out.
func (v *service) skipped() bool { return v.config.Skip == generation.SkipAlways && !v.unskipped }

// excused reports whether the service is skipped because of a dependency.
func (v *service) excused() bool {
	return v.state == machine.Skipped && v.cause.Kind == machine.ByDependency
}

// skipCause says why a waiting service is left out.
func (v *service) skipCause() machine.Cause {
	if v.skipped() {
		return machine.Cause{Kind: machine.ByPolicy, Text: "its manifest says to skip it"}
	}
	if edge := v.project.graph().Skipped(v.node()); edge != nil {
		return machine.Cause{
			Kind: machine.ByDependency, Service: edge.Service, Text: fmt.Sprintf("dependency %s is skipped", edge.Service),
		}
	}
	return v.wish
}

// prepare runs what comes before the start: the skip command, then pre_start.
func (s *Supervisor) prepare(v *service) {
	if v.config.Skip == generation.SkipByCommand && !v.unskipped {
		v.run = s.launch(v, spec.RoleSkip)
		return
	}
	s.preStart(v)
}

// preStart runs the pre_start command; a service without one is prepared.
func (s *Supervisor) preStart(v *service) {
	if v.config.PreStart == nil {
		s.feed(v, machine.Prepared, v.cause)
		return
	}
	v.run = s.launch(v, spec.RolePreStart)
	s.step(v, "pre_start", "pre_start", "active")
}

// limitPreparation sets the time for the command that runs before the start, once
// it runs: a launch has a time limit of its own.
func (s *Supervisor) limitPreparation(v *service) {
	limit, code := preparation, api.CodePreStartTimeout
	switch {
	case v.run.role == spec.RoleSkip:
		limit, code = cmp.Or(v.config.SkipTimeout, preparation), api.CodeSkipTimeout
	case v.config.PreStart != nil:
		limit = v.config.PreStart.Timeout
	}
	s.deadlines.set(v, deadline{
		at: time.Now().Add(limit), event: machine.Condemn,
		cause: machine.Cause{
			Kind: machine.ByTimer, Code: code,
			Text: fmt.Sprintf("its %s command did not end within %s", v.run.role, limit),
		},
	})
}

// prepared reports whether r is a command before the start that did its work.
// What a skip command says is in its exit code, so any will do.
func (r *run) prepared() bool {
	end := r.end()
	switch {
	case r.service.state != machine.Preparing:
		return false
	case r.role == spec.RoleSkip:
		return !end.Condemned && !end.Unknown && end.Signal == 0
	}
	return r.role == spec.RolePreStart && end.Succeeded([]generation.Exit{{}})
}

// goOn follows a command before the start of which nothing is left.
func (s *Supervisor) goOn(v *service, r *run) {
	switch {
	case r.role == spec.RolePreStart:
		s.feed(v, machine.Prepared, machine.Cause{Kind: machine.ByExit, Text: "its pre_start command succeeded"})
	case r.end().Code != 0:
		s.preStart(v)
	case v.config.Cron != nil: // Only this run of it.
		v.unrecord()
		s.feed(v, machine.Schedule, machine.Cause{Kind: machine.ByPolicy, Text: "its skip command left this run out"})
	default:
		s.feed(v, machine.Skip, machine.Cause{Kind: machine.ByPolicy, Text: "its skip command exited with code 0"})
	}
}

// prepareAgain begins anew with what comes before the start, where sysg-exec
// does not know the command that ran.
func (s *Supervisor) prepareAgain(v *service) {
	delete(s.runs, v.run.incarnation)
	v.run = nil
	s.prepare(v)
}
