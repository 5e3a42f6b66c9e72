package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
	"systemg.org/sysg/pkg/generation"
)

const restartHelp = `Read the manifest again and restart what it changed.

What is new is started, what is gone stopped, what changed restarted with its
dependants, and the rest keeps running. If nothing changed, everything selected
is restarted. The manifests are those that the projects were started from, or
the one of -c. An invalid manifest changes nothing.`

var restartVerb = verb{
	name: "restart", short: "read the manifest again and restart", help: restartHelp,
	setup: func(flags *pflag.FlagSet) action {
		r := restart{}
		flags.StringVarP(&r.config, "config", "c", "", "the manifest to restart with")
		r.scope.declare(flags)
		flags.BoolVar(&r.daemonize, "daemonize", false, "without a supervisor: start as start --daemonize does")
		return func(ctx context.Context, a *app, _ []string) error { return r.run(ctx, a) }
	},
}

type restart struct {
	config    string
	scope     scope
	daemonize bool
}

func (r *restart) run(ctx context.Context, a *app) error {
	conn, err := a.reach()
	if isCode(err, api.CodeNoSupervisor) && r.daemonize {
		s := start{config: r.config, scope: r.scope, daemonize: true, wait: true}
		return s.run(ctx, a)
	}
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	snapshot, err := conn.Status(ctx, api.Status{})
	if err != nil {
		return err
	}
	selections, generations, err := r.prepare(a, snapshot)
	if err != nil {
		return err
	}
	numbers, err := a.install(generations, selections)
	if err != nil {
		return err
	}
	shown := newProgress(a.out)
	result, err := a.each(ctx, selections, func(ctx context.Context, conn *client.Conn, s selection) (api.Result, error) {
		return conn.Restart(ctx, api.Restart{Project: s.project, Generation: numbers[s.project], Services: s.services}, shown.each())
	})
	if err != nil {
		return err
	}
	return a.settle(selections, "restarted", incomplete(result))
}

// prepare reads every manifest before anything is installed, so that one that
// is invalid leaves all projects as they are.
func (r *restart) prepare(a *app, snapshot api.Snapshot) ([]selection, []generation.Generation, error) {
	if r.config != "" {
		path, err := a.findManifest(r.config)
		if err != nil {
			return nil, nil, err
		}
		generations, err := a.load(path)
		if err != nil {
			return nil, nil, rejected(err)
		}
		selections, err := r.scope.resolve(catalogueOfManifest(generations))
		return selections, generations, err
	}
	if r.scope.empty() {
		snapshot.Units = keep(snapshot.Units, func(u api.Unit) bool { return !left(u, snapshot) })
	}
	selections, err := r.scope.resolve(catalogueOf(snapshot))
	if err != nil {
		return nil, nil, err
	}
	if len(selections) == 0 {
		return nil, nil, &api.Diagnostic{Code: api.CodeUnknownUnit, Title: "nothing to restart: the supervisor knows no project"}
	}
	generations, err := a.reload(selections, snapshot)
	return selections, generations, err
}

// left says whether a unit belongs to a foreground project that has ended:
// its client is gone, and nobody would see it run.
func left(unit api.Unit, snapshot api.Snapshot) bool {
	return unit.Project.Mode == "foreground" && !slices.ContainsFunc(snapshot.Units, func(u api.Unit) bool {
		return u.Project.ID == unit.Project.ID && u.Health != "idle" && u.State != "done"
	})
}

// reload reads the manifests that the selected projects were started from.
func (a *app) reload(selections []selection, snapshot api.Snapshot) ([]generation.Generation, error) {
	paths := map[string]string{}
	for _, unit := range snapshot.Units {
		paths[unit.Project.ID] = unit.Project.ConfigPath
	}
	read := map[string][]generation.Generation{}
	for _, s := range selections {
		path := paths[s.project]
		if _, done := read[path]; !done {
			generations, err := a.load(path)
			if err != nil {
				return nil, rejected(err)
			}
			read[path] = generations
		}
		if _, found := byProject(read[path], s.project); !found {
			return nil, rejected(&api.Diagnostic{
				Code: api.CodeProjectMismatch, Title: fmt.Sprintf("%s has no project %q any more", path, s.project),
			})
		}
	}
	return slices.Concat(slices.Collect(maps.Values(read))...), nil
}

// rejected says that nothing was changed, and why.
func rejected(err error) error {
	return &withCause{
		cause: err,
		Diagnostic: &api.Diagnostic{
			Code: api.CodeRestartRejected, Title: "the manifest was rejected, and nothing has been changed",
			Help: []api.Help{{Label: "mend it, then check it", Command: "sysg validate -c FILE"}},
		},
	}
}

// incomplete puts SG0302 before what failed.
func incomplete(result api.Result) api.Result {
	if result.OK || len(result.Failed) == 0 {
		return result
	}
	var down []string
	for _, d := range result.Failed {
		if d.Service != "" {
			down = append(down, d.Service)
		}
	}
	summary := api.Diagnostic{
		Code:  api.CodeRestartIncomplete,
		Title: "not everything is up after the restart: " + strings.Join(down, ", "),
	}
	result.Failed = append([]api.Diagnostic{summary}, result.Failed...)
	return result
}
