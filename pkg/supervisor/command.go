package supervisor

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/plan"
)

// The commands of clients. Each one changes wishes, in the loop, and then waits
// until the wishes are fulfilled or cannot be.

// Start wants services up, with all that they depend on.
func (s *Supervisor) Start(ctx context.Context, by api.Caller, params api.Start, emit func(api.Reply) error) (api.Result, error) {
	if params.Foreground {
		return s.foreground(ctx, by, params, emit)
	}
	result, err := s.perform(ctx, emit, func() (*op, error) { return s.start(by, params) })
	s.explain(ctx, &result)
	return result, err
}

func (s *Supervisor) start(by api.Caller, params api.Start) (*op, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	p, err := s.install(params.Project, params.Generation)
	if err != nil {
		return nil, err
	}
	if err := s.refuseCron(p, params.Services); err != nil {
		return nil, err
	}
	if err := p.defines(params.Services); err != nil {
		return nil, err
	}
	cause := asked(by, "start")
	idle := !p.wanted() // before what is new in the manifest is
	difference, _ := s.reconcile(p, plan.Scope{Only: true}, cause)
	targets, err := p.pick(params.Services)
	if err != nil {
		return nil, err
	}
	p.foreground = params.Foreground && idle || p.foreground && !idle
	if params.Foreground {
		p.attached = by
	}
	named := len(params.Services) > 0
	for _, name := range targets {
		p.services[name].alone = params.NoDeps
	}
	required := targets
	if !params.NoDeps {
		required = plan.Requirements(p.graph(), targets)
	}
	for _, name := range required {
		v := p.services[name]
		byName := named && slices.Contains(targets, name)
		v.unskipped = v.unskipped || byName
		s.want(v, cause, byName)
	}
	s.touch(p)
	units := slices.Clone(targets)
	return &op{
		wishes:   map[*project]uint64{p: p.seq},
		concerns: func(v *service) bool { return v.project == p },
		finished: func() (api.Result, bool) { return p.started(units, startMessage(p, params.Services, difference)) },
	}, nil
}

// want is the wish to have a service up. A one-shot that is done runs again
// only where it had been stopped since, or is named itself.
func (s *Supervisor) want(v *service, cause machine.Cause, named bool) {
	fresh := !v.wanted
	v.wanted, v.resting, v.wish, v.rejected = true, false, cause, nil
	switch {
	case v.state == machine.Done && (fresh || named):
		v.again = true
	case v.state == machine.Ending && !fresh && !named && v.succeeding():
		// A one-shot that is as good as done.
	case v.state != machine.Waiting:
		s.feed(v, machine.Start, cause)
	}
}

// succeeding reports whether v has ended and will not be run again.
func (v *service) succeeding() bool {
	r := v.run
	return r != nil && r.exited != nil && machine.Judge(v.config, r.end(), v.restarts) == machine.Finish
}

// Stop wants services down. What depends on them keeps running.
func (s *Supervisor) Stop(ctx context.Context, by api.Caller, params api.Stop, emit func(api.Reply) error) (api.Result, error) {
	return s.perform(ctx, emit, func() (*op, error) { return s.stop(by, params) })
}

func (s *Supervisor) stop(by api.Caller, params api.Stop) (*op, error) {
	var targets []*service
	wishes := map[*project]uint64{}
	for _, p := range s.scope(params.Project) {
		names, err := p.pick(params.Services)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			targets = append(targets, p.services[name])
		}
		s.touch(p)
		wishes[p] = p.seq
	}
	if params.Project != "" && s.projects[params.Project] == nil {
		return nil, unknownProject(params.Project)
	}
	for _, v := range targets {
		v.wanted, v.again, v.resting, v.wish = false, false, false, asked(by, "stop")
	}
	return &op{
		wishes:   wishes,
		concerns: func(v *service) bool { return slices.Contains(targets, v) },
		finished: func() (api.Result, bool) { return stopped(targets, stopMessage(params)) },
	}, nil
}

// scope is the project named, or all of them.
func (s *Supervisor) scope(name string) []*project {
	if name == "" {
		return slices.Collect(maps.Values(s.projects))
	}
	if p := s.projects[name]; p != nil {
		return []*project{p}
	}
	return nil
}

// Restart ends services and starts them anew, with what depends on them.
func (s *Supervisor) Restart(ctx context.Context, by api.Caller, params api.Restart, emit func(api.Reply) error) (api.Result, error) {
	result, err := s.perform(ctx, emit, func() (*op, error) { return s.restart(by, params) })
	s.explain(ctx, &result)
	return result, err
}

func (s *Supervisor) restart(by api.Caller, params api.Restart) (*op, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	p, err := s.install(params.Project, params.Generation)
	if err != nil {
		return nil, err
	}
	if err := s.refuseCron(p, params.Services); err != nil {
		return nil, err
	}
	if err := p.defines(params.Services); err != nil {
		return nil, err
	}
	scope := plan.Scope{Named: params.Services, All: !params.Reconcile}
	difference, changes := s.reconcile(p, scope, asked(by, "restart"))
	units := p.affected(scope, changes)
	s.touch(p)
	return &op{
		wishes:   map[*project]uint64{p: p.seq},
		concerns: func(v *service) bool { return v.project == p },
		finished: func() (api.Result, bool) { return p.started(units, restartMessage(p, params, difference)) },
	}, nil
}

// Shutdown stops everything, ends sysg-exec, and then the supervisor.
func (s *Supervisor) Shutdown(ctx context.Context, by api.Caller, emit func(api.Reply) error) (api.Result, error) {
	return s.perform(ctx, emit, func() (*op, error) {
		o, err := s.stop(by, api.Stop{})
		if err != nil {
			return nil, err
		}
		stopped := o.finished
		o.ends, o.finished = true, func() (api.Result, bool) {
			result, done := stopped()
			if done && result.OK {
				result.Message = "Supervisor stopped"
				done = s.vacant()
				for _, p := range s.projects {
					o.wishes[p] = p.seq // else ends would be left unacknowledged, as if something lived
				}
			}
			return result, done
		}
		return o, nil
	})
}

// vacant reports whether nothing runs, health probes included: sysg-exec does
// not end before.
func (s *Supervisor) vacant() bool {
	for _, r := range s.runs {
		if !r.emptied {
			return false
		}
	}
	return true
}

// open refuses to start anything while a Shutdown is in progress, which else
// would never come to its end.
func (s *Supervisor) open() error {
	if s.resting {
		return &api.Diagnostic{Code: api.CodeNoSupervisor, Title: "the service manager is stopping the supervisor"}
	}
	ending := slices.ContainsFunc(s.ops, func(o *op) bool { return o.ends })
	if ending || s.quitting {
		return &api.Diagnostic{
			Code: api.CodeNoSupervisor, Title: "the supervisor is being stopped",
			Notes: []string{"`sysg stop --supervisor` is in progress"},
		}
	}
	s.leaving = false
	return nil
}

// quit ends sysg-exec; its answer, or the end of the connection, ends us. If it
// refuses, it is asked again when something more has ended.
func (s *Supervisor) quit() {
	s.quitting, s.leaving = true, false
	if err := s.helper.Quit(); err != nil || !s.connected {
		s.ending = true
	}
}

func asked(by api.Caller, what string) machine.Cause {
	return machine.Cause{Kind: machine.ByRequest, Text: fmt.Sprintf("uid %d asked for a %s", by.UID, what)}
}
