package supervisor

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/order"
	"systemg.org/sysg/pkg/spec"
)

// What `sysg version`, `sysg doctor` and `sysg purge` ask.

// Identify says which process this is. It does not ask the loop: who wants to
// know whether we are alive should hear it even where that is busy.
func (s *Supervisor) Identify(context.Context) (api.Identity, error) {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return api.Identity{}, fmt.Errorf("cannot tell our own program: %w", err)
	}
	return api.Identity{PID: os.Getpid(), Binary: program}, nil
}

// Survey is all that we believe to live, at one moment.
func (s *Supervisor) Survey(ctx context.Context, _ api.Caller) (api.Survey, error) {
	survey := api.Survey{PID: os.Getpid()}
	err := s.consult(ctx, func() error {
		survey.Connected = s.connected
		for _, p := range s.projects {
			for _, name := range p.names {
				survey.Services = append(survey.Services, p.services[name].surveyed())
			}
		}
		for _, r := range s.runs {
			survey.Runs = append(survey.Runs, r.surveyed())
		}
		return nil
	})
	order.By(survey.Services, func(a, b *api.SurveyedService) int {
		return strings.Compare(a.Project+"/"+a.Service, b.Project+"/"+b.Service)
	})
	order.By(survey.Runs, func(a, b *api.SurveyedRun) int { return strings.Compare(a.Incarnation, b.Incarnation) })
	return survey, err
}

func (v *service) surveyed() api.SurveyedService {
	seen := api.SurveyedService{
		Project: v.project.generation.Project, Service: v.config.Name, Generation: v.project.generation.Number,
		Phase: string(v.state), Since: timestamp(v.since), Wanted: v.wanted,
	}
	if v.run != nil {
		seen.Incarnation = v.run.incarnation
	}
	return seen
}

func (r *run) surveyed() api.SurveyedRun {
	return api.SurveyedRun{
		Project: r.service.project.generation.Project, Service: r.service.config.Name, Incarnation: r.incarnation,
		Role: string(r.role), PID: r.pid, Cgroup: r.cgroup,
		Exited: r.exited != nil, Emptied: r.emptied, Occupies: r.service.run == r,
	}
}

// Forget drops a project that is stopped. What sysg-exec has installed of it
// is for whoever installed it to remove.
func (s *Supervisor) Forget(ctx context.Context, by api.Caller, params api.Forget) (api.Result, error) {
	err := s.consult(ctx, func() error {
		p := s.projects[params.Project]
		if p == nil {
			return &api.Diagnostic{Code: api.CodePurgeUnknown, Title: fmt.Sprintf("Project '%s' is not known", params.Project)}
		}
		if alive := s.aliveIn(p); len(alive) > 0 {
			return &api.Diagnostic{
				Code: api.CodePurgeRefused, Title: fmt.Sprintf("Project '%s' is not stopped: %s", params.Project, strings.Join(alive, ", ")),
				Help: []api.Help{{Label: "stop it", Command: "sysg stop -p " + params.Project}},
			}
		}
		s.log.Info("Forgetting a project", "project", params.Project, "uid", by.UID)
		s.expel(p)
		return nil
	})
	return api.Result{OK: err == nil, Message: fmt.Sprintf("Project '%s' forgotten", params.Project)}, err
}

// aliveIn names the services of a project that are wanted, or of which
// something is left.
func (s *Supervisor) aliveIn(p *project) []string {
	var alive []string
	for _, name := range p.names {
		if v := p.services[name]; v.wanted || v.state.Alive() || v.ghosts > 0 {
			alive = append(alive, name)
		}
	}
	for _, r := range s.runs {
		if name := r.service.config.Name; r.service.project == p && !r.emptied && !slices.Contains(alive, name) {
			alive = append(alive, name)
		}
	}
	return alive
}

// expel drops all that we have of a project. Ends that wait for its state to be on disk need
// not wait any more.
func (s *Supervisor) expel(p *project) {
	name := p.generation.Project
	for _, v := range p.services {
		s.deadlines.clear(v)
		s.meter.Forget(name, v.config.Name)
	}
	p.dirty, p.saved = false, math.MaxUint64
	delete(s.projects, name)
	delete(s.unread, name)
	s.states.Remove(name, p.seq+1)
	s.acknowledge()
}

// step tells whoever waits about a part of what a service does on its way.
func (s *Supervisor) step(v *service, name, label, state string) {
	for _, o := range s.ops {
		if !o.watches(v) {
			continue
		}
		o.updates.put(api.Reply{Progress: &api.Progress{
			Project: v.project.generation.Project, Service: v.config.Name, Phase: string(v.state), Cause: v.cause.Text,
			Step: &api.Step{Name: name, Label: label, State: state},
		}})
	}
}

// stageCode is the code of a launch that failed in a stage. Some have one of
// their own, as in the older program.
func stageCode(stage spec.Stage, detail string) string {
	switch stage {
	case spec.StageRlimits:
		return api.CodeRLimit
	case spec.StageNice:
		return api.CodeNice
	case spec.StageAffinity:
		return api.CodeAffinity
	case spec.StageIONice:
		return api.CodeIONice
	case spec.StageNoNew:
		return api.CodeNoNewPrivs
	case spec.StageMounts, spec.StageLSM:
		return api.CodeProtection
	case spec.StageNetwork:
		return api.CodeNamespace
	case spec.StageCaps:
		return api.CodeGivenUpCaps
	case spec.StageCapSet:
		return api.CodeKeptCaps
	case spec.StageLandlock:
		return api.CodeLandlock
	case spec.StageSeccomp:
		return api.CodeSeccomp
	}
	return keyCode(stage, detail)
}

// keyCode is for stages of which the detail says by its key what failed.
func keyCode(stage spec.Stage, detail string) string {
	key, _, _ := strings.Cut(detail, ":")
	switch {
	case stage == spec.StageIDs && key == "supplementary_groups":
		return api.CodeGroups
	case stage == spec.StageIDs && key == "group":
		return api.CodeGroup
	case stage == spec.StageIDs:
		return api.CodeUser
	case stage == spec.StageCgroup && strings.HasPrefix(key, "limits.cgroup."):
		return api.CodeProtection
	case stage == spec.StageClone && strings.Contains(key, "isolation."):
		return api.CodeNamespace
	}
	return api.CodeLaunch
}

// sketch tells a new command who waits already: that came about before it could
// be told.
func (s *Supervisor) sketch(o *op) {
	for _, p := range s.projects {
		graph := p.graph()
		for _, name := range p.names {
			v := p.services[name]
			if v.state != machine.Waiting || !o.watches(v) {
				continue
			}
			o.updates.put(api.Reply{Progress: &api.Progress{
				Project: p.generation.Project, Service: name, Phase: string(v.state), Cause: v.because(graph),
			}})
		}
	}
}
