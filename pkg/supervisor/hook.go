package supervisor

import (
	"fmt"
	"slices"
	"time"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/spec"
)

// Hooks are commands that are told of an event. They run beside everything
// else and hold up nothing; what becomes of them is noted and has no effect.
//
//	onstart  it is ready, or a one-shot completed; after an automatic restart too
//	onerr    it came to an unsuccessful end, or could not be started
//	onstop   it was ended because somebody asked for that, and nothing of it is left
//	onexit   its main process ended, however that came

// hookNames are the names of the events, for SYSG_EVENT.
var hookNames = map[spec.Role]string{
	spec.RoleOnStart: "start", spec.RoleOnErr: "error", spec.RoleOnStop: "stop", spec.RoleOnExit: "exit",
}

// hookPatience is the time for a hook whose limit is not known any more.
const hookPatience = 30 * time.Second

// hook runs the service's command for an event of a run (nil for none), if it
// has one.
func (s *Supervisor) hook(v *service, role spec.Role, r *run) {
	limit, has := v.hookLimit(role)
	if !has || v.candidate() && (role == spec.RoleOnStart || role == spec.RoleOnStop) {
		return // The service is what starts and stops; see promote.
	}
	event := &spec.Event{Name: hookNames[role], Attempt: v.restarts + 1}
	if r != nil {
		event.PID = r.pid
		if exited := r.exited; exited != nil && !exited.Unknown {
			if event.Signal = exitSignal(exited.Status); event.Signal == 0 {
				code := exitCode(exited.Status)
				event.ExitCode = &code
			}
		}
	}
	s.besides(v, spec.Launch{Role: role, Event: event}, s.hooked(v, role, limit))
}

func (v *service) hookLimit(role spec.Role) (time.Duration, bool) {
	i := slices.IndexFunc(v.config.Hooks, func(hook generation.Hook) bool { return hook.Role == role })
	if i < 0 {
		return hookPatience, false
	}
	return v.config.Hooks[i].Timeout, true
}

// hooked is what follows a hook.
func (s *Supervisor) hooked(v *service, role spec.Role, limit time.Duration) beside {
	return beside{limit: limit, patient: true, over: func(how outcome) {
		if !how.passed {
			s.note(v, fmt.Sprintf("its %s hook %s", role, how.how))
		}
	}}
}

// asked reports whether somebody asked for what ends the service.
func (v *service) asked() bool { return v.state == machine.Stopping || v.state == machine.Restarting }

// tellFailed tells of a start that failed before there was a main process.
func (s *Supervisor) tellFailed(v *service, r *run) {
	if !v.asked() {
		s.hook(v, spec.RoleOnErr, r)
	}
}

// started tells of a service that is up, or of a one-shot that completed, unless
// an earlier supervisor did and died before it could save that.
func (s *Supervisor) started(v *service) {
	if v.run == nil || v.run.pid == 0 || v.run.pid != v.toldStart {
		s.hook(v, spec.RoleOnStart, v.run)
	}
}

// tellEnd tells of the end of a main process. One that we were asked to end is
// no failure, whatever it ended with.
func (s *Supervisor) tellEnd(v *service, r *run, asked bool) {
	s.hook(v, spec.RoleOnExit, r)
	switch succeeded := r.end().Succeeded(v.config.Success); {
	case asked:
	case !succeeded:
		s.hook(v, spec.RoleOnErr, r)
	case r.early && !retries(machine.Judge(v.config, r.end(), v.restarts)):
		s.hook(v, spec.RoleOnStart, r)
	}
}

// retries reports whether a verdict is that there was no end to speak of.
func retries(verdict machine.Event) bool {
	return verdict == machine.Retry || verdict == machine.GiveUp
}

// tellGone tells of a service of which nothing is left since somebody asked
// for that. What was told of its life before has no more to do.
func (s *Supervisor) tellGone(v *service, r *run, stays bool) {
	s.giveUp(v.stopping)
	v.stopping = nil
	if stays {
		s.endHooks(v, r)
	}
	if r.role == spec.RoleMain && r.pid != 0 {
		s.hook(v, spec.RoleOnStop, r)
	}
}

// endHooks ends the hooks of a service that goes down, but for those that are
// told of this very end.
func (s *Supervisor) endHooks(v *service, r *run) {
	for _, other := range s.runs {
		if other.service != v || other == r || hookNames[other.role] == "" || other.role == spec.RoleOnStop {
			continue
		}
		if other.role != spec.RoleOnExit || other.event == nil || other.event.PID != r.pid {
			s.giveUp(other)
		}
	}
}

// strayHook goes on with a hook that an earlier supervisor began.
func (s *Supervisor) strayHook(r *run, began time.Time) {
	limit, _ := r.service.hookLimit(r.role)
	if r.role == spec.RoleOnStart && r.event != nil {
		r.service.toldStart = r.event.PID
	}
	side := s.hooked(r.service, r.role, limit)
	r.side = &side
	s.deadlines.set(r.service, deadline{at: began.Add(limit), run: r})
}
