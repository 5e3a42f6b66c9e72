package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/plan"
)

const planHelp = `Show what a restart would do with the manifest as it is now.

  + start      it is new, or others need it
  ~ restart    it is ended and started anew
  > replace    the next incarnation takes over without a gap
  - stop       the manifest has it no more
  . redefine   nothing runs of it; its next start takes the new definition

Nothing is changed. Exit code with --exit-code: 0 if there is nothing to do,
5 if there is.`

// pending is the exit code of plan --exit-code where there are changes.
const pending = 5

var planVerb = verb{
	name: "plan", asks: true, later: true, short: "show what a restart would do", help: planHelp,
	setup: func(flags *pflag.FlagSet) action {
		p := planCommand{}
		p.declare(flags, "the manifest to compare with")
		flags.BoolVar(&p.exitCode, "exit-code", false, "end with 5 where there are changes")
		return func(ctx context.Context, a *app, _ []string) error { return p.run(ctx, a) }
	},
}

type planCommand struct {
	target
	exitCode bool
}

// planned is what would happen to one project.
type planned struct {
	Project string `json:"project"`
	// From is the generation in force, 0 for none.
	From    int           `json:"from_generation"`
	Changes []plan.Change `json:"changes"`
}

func (p *planCommand) run(ctx context.Context, a *app) error {
	all, err := p.compute(ctx, a)
	if err != nil {
		return err
	}
	changes := false
	for _, one := range all {
		changes = changes || plan.Changes(one.Changes)
	}
	switch {
	case a.out.json:
		a.out.printJSON(map[string]any{"changes": changes, "projects": all})
	case !a.out.quiet:
		fmt.Fprint(a.out.stdout, renderPlan(all, changes, a.out.colour))
	}
	if p.exitCode && changes {
		return exit(pending)
	}
	return nil
}

// compute finds out what would happen to each project that is meant.
func (p *planCommand) compute(ctx context.Context, a *app) ([]planned, error) {
	conn, err := a.reach()
	if isCode(err, api.CodeNoSupervisor) {
		return p.fromNothing(a, err)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	snapshot, err := conn.Status(ctx, api.Status{})
	if err != nil {
		return nil, err
	}
	r := restart{target: p.target}
	selections, generations, err := r.prepare(a, snapshot)
	if err == nil {
		generations, err = a.graftNamed(generations, selections)
	}
	if err != nil {
		return nil, err
	}
	var all []planned
	for _, s := range selections {
		g, _ := byProject(generations, s.project)
		one, err := compare(ctx, conn, s, g)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// fromNothing is the plan without a supervisor: everything is to be started.
func (p *planCommand) fromNothing(a *app, nobody error) ([]planned, error) {
	path, err := a.findManifest(p.config)
	if err != nil {
		return nil, err
	}
	if path == "" {
		return nil, nobody
	}
	generations, err := a.load(path)
	if err != nil {
		return nil, err
	}
	selections, err := p.scope.resolve(catalogueOfManifest(generations))
	if err != nil {
		return nil, err
	}
	var all []planned
	for _, s := range selections {
		g, _ := byProject(generations, s.project)
		all = append(all, planned{s.project, 0, plan.Reconcile(plan.Graph{}, nil, g.Supervise.Services, scopeOf(s))})
	}
	return all, nil
}

func scopeOf(s selection) plan.Scope { return plan.Scope{Named: s.services} }

// compare asks how a project stands and works out what a restart would do.
func compare(ctx context.Context, conn *client.Conn, s selection, next generation.Generation) (planned, error) {
	standing, err := conn.Standing(ctx, s.project)
	if isCode(err, api.CodeUnknownUnit) {
		return planned{s.project, 0, plan.Reconcile(plan.Graph{}, nil, next.Supervise.Services, scopeOf(s))}, nil
	}
	if err != nil {
		return planned{}, err
	}
	var old generation.Supervise
	if err := json.Unmarshal(standing.Generation, &old); err != nil {
		return planned{}, fmt.Errorf("cannot understand the supervisor: its generation of project %q: %w", s.project, err)
	}
	graph, wanted := graphOf(standing, old), false
	for _, node := range graph {
		wanted = wanted || node.Wanted
	}
	scope := scopeOf(s)
	changes := plan.Reconcile(graph, old.Services, next.Supervise.Services, scope)
	if !wanted || plan.Changes(changes) {
		// A restart of what has not changed at all restarts everything, which
		// is not what people ask a plan for; renderPlan says so.
		scope.All = true
		changes = plan.Reconcile(graph, old.Services, next.Supervise.Services, scope)
	}
	return planned{s.project, old.Number, changes}, nil
}

// graphOf is how the services stand, as the supervisor's own plan sees them.
func graphOf(standing api.Standing, old generation.Supervise) plan.Graph {
	graph := plan.Graph{}
	for _, service := range standing.Services {
		config, _ := old.Service(service.Service)
		graph[service.Service] = &plan.Node{
			Name: service.Service, State: machine.State(service.Phase), Wanted: service.Wanted,
			Outdated: service.Outdated, Cron: service.Scheduled, DependsOn: config.DependsOn,
		}
	}
	return graph
}
