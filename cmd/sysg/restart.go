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
	name: "restart", short: "read the manifest again and restart", help: restartHelp, installs: true, operates: true,
	setup: func(flags *pflag.FlagSet) action {
		r := restart{}
		r.declare(flags, "the manifest to restart with")
		flags.BoolVar(&r.daemonize, "daemonize", false, "without a supervisor: start it, without a word")
		return func(ctx context.Context, a *app, _ []string) error { return r.run(ctx, a) }
	},
}

type restart struct {
	target
	daemonize bool
	reload    bool // what has changed, and nothing else
}

func (r *restart) run(ctx context.Context, a *app) error {
	if a.operating && r.config != "" {
		return needsRoot("restart")
	}
	conn, err := a.reach()
	if isCode(err, api.CodeNoSupervisor) && !r.reload && !a.operating {
		return r.begin(ctx, a, err)
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
	if err == nil {
		generations, err = a.graftNamed(generations, selections)
	}
	if err != nil {
		return err
	}
	if a.drifted() && r.empty() && !a.operating {
		if conn, err = a.recycle(ctx, conn); err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
	}
	var numbers map[string]int
	if !a.operating {
		if numbers, err = a.installOrStay(generations, selections); err != nil {
			return err
		}
	}
	reconcile := anyChanged(selections, numbers, snapshot)
	shown := newProgress(a.out)
	defer shown.end()
	result, err := a.each(ctx, selections, func(ctx context.Context, conn *client.Conn, s selection) (api.Result, error) {
		return conn.Restart(ctx, r.scoped(s, numbers, reconcile), shown.each())
	})
	shown.end()
	if err != nil {
		return err
	}
	did := "restarted"
	if r.reload {
		did = "reloaded"
	}
	return a.settle(selections, did, incomplete(result))
}

// begin is a restart without a supervisor: nothing runs, so it is a start.
func (r *restart) begin(ctx context.Context, a *app, nobody error) error {
	path, err := a.findManifest(r.config)
	if err != nil {
		return err
	}
	if path == "" {
		return nobody
	}
	if !r.daemonize {
		a.warn("no supervisor was running; starting it")
	}
	s := start{config: path, scope: r.scope, daemonize: true, wait: true}
	return s.run(ctx, a)
}

// prepare reads every manifest before anything is installed, so that one that
// is invalid leaves all projects as they are.
func (r *restart) prepare(a *app, snapshot api.Snapshot) ([]selection, []generation.Generation, error) {
	if r.config != "" {
		path, err := a.findManifest(r.config)
		if err != nil {
			return nil, nil, err
		}
		a.keepEnvironment(projectOf(path, snapshot))
		generations, err := a.load(path)
		if err != nil {
			return nil, nil, rejected(err)
		}
		selections, err := r.scope.resolve(catalogueOfManifest(generations))
		a.warnOfOtherManifest(generations, selections, snapshot)
		return selections, generations, err
	}
	if r.scope.empty() {
		snapshot.Units = active(snapshot.Units)
	}
	selections, err := r.scope.resolve(catalogueOf(snapshot))
	if err != nil {
		return nil, nil, err
	}
	if len(selections) == 0 {
		return nil, nil, &api.Diagnostic{Code: api.CodeUnknownUnit, Title: "nothing to restart: the supervisor knows no project"}
	}
	if a.operating { // It is restarted as root has installed it.
		return selections, nil, nil
	}
	generations, err := a.reload(selections, snapshot)
	return selections, generations, err
}

// active leaves the projects of which something runs or is to run: what was
// stopped stays so until it is started. Where that is nothing, all are meant but
// foreground projects, whose client is gone.
func active(units []api.Unit) []api.Unit {
	up := map[string]bool{}
	for _, unit := range units {
		left := unit.State == "done" && unit.Project.Mode == "foreground"
		up[unit.Project.ID] = up[unit.Project.ID] || unit.State != "stopped" && !left
	}
	running := keep(units, func(u api.Unit) bool { return up[u.Project.ID] })
	if len(running) > 0 {
		return running
	}
	return keep(units, func(u api.Unit) bool { return u.Project.Mode != "foreground" })
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
			a.keepEnvironment(s.project)
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

// projectOf is a project that was started from the manifest, "" if none was.
func projectOf(path string, snapshot api.Snapshot) string {
	for _, unit := range snapshot.Units {
		if unit.Project.ConfigPath == path {
			return unit.Project.ID
		}
	}
	return ""
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
