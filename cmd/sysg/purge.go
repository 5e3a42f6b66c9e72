package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/paths"
	"systemg.org/sysg/pkg/spec"
)

const purgeHelp = `Delete what is kept of projects: their state, what was installed of them, and
their logs. Manifests are not touched.

With -c the projects of that manifest are meant, with -p one project, otherwise
everything. What runs is not touched: while a supervisor runs purge refuses,
unless --force has it stop first what is to be deleted.`

var purgeVerb = verb{
	name: "purge", short: "delete state, installed generations and logs", help: purgeHelp, installs: true,
	setup: func(flags *pflag.FlagSet) action {
		p := purge{}
		flags.StringVarP(&p.config, "config", "c", "", "the projects of this manifest")
		flags.StringVarP(&p.project, "project", "p", "", "this project")
		flags.BoolVar(&p.force, "force", false, "stop what runs first")
		return func(ctx context.Context, a *app, _ []string) error { return p.run(ctx, a) }
	},
}

type purge struct {
	config, project string
	force           bool
}

func (p *purge) run(ctx context.Context, a *app) error {
	home, err := a.home()
	if err != nil {
		return err
	}
	a.hurried = p.force
	conn, err := a.reach()
	switch {
	case err == nil:
		defer func() { _ = conn.Close() }()
	case isCode(err, api.CodeNotAnswering) && p.force:
		frozen := notEnded(api.Help{Label: "end it", Command: "sysg stop --supervisor"})
		frozen.Notes = []string{"it does not answer, and only a stop kills it for that"}
		return frozen
	case !isCode(err, api.CodeNoSupervisor):
		return err
	}
	projects, err := p.projects(a)
	if err != nil {
		return err
	}
	if conn != nil && !p.force {
		return &api.Diagnostic{
			Code: api.CodePurgeRefused, Title: "a supervisor is running, and nothing was deleted",
			Help: []api.Help{{Label: "stop it first", Command: "sysg stop --supervisor"}, {Label: "have purge do that", Command: "sysg purge --force"}},
		}
	}
	switch {
	case p.everything():
		err = p.all(ctx, a, conn)
	case conn != nil:
		err = p.some(ctx, a, conn, projects)
	default:
		err = home.alone(func() error { return home.discard(projects) })
	}
	if err != nil {
		return err
	}
	a.out.success(api.Result{OK: true, Message: p.sentence(projects)})
	return nil
}

func (p *purge) everything() bool { return p.config == "" && p.project == "" }

func (p *purge) sentence(projects []string) string {
	if p.everything() {
		return "All state deleted"
	}
	return fmt.Sprintf("State of '%s' deleted", strings.Join(projects, "', '"))
}

// projects are those meant, of which there has to be something.
func (p *purge) projects(a *app) ([]string, error) {
	known := a.instance.keptProjects()
	switch {
	case p.project != "" && p.config != "":
		return nil, &api.Diagnostic{Code: api.CodeConflict, Title: "-p and -c exclude each other"}
	case p.project != "" && !spec.ValidName(p.project):
		return nil, &api.Diagnostic{
			Code: api.CodePurgeName, Title: fmt.Sprintf("%q is no name of a project", p.project),
			Notes: []string{"it names one folder of " + paths.Projects(a.instance.state)},
		}
	case p.project != "":
		return unlessUnknown([]string{p.project}, known)
	case p.config != "":
		path, err := a.findManifest(p.config)
		if err != nil {
			return nil, err
		}
		return unlessUnknown(a.instance.projectsFrom(path, known), known)
	}
	return known, nil
}

func unlessUnknown(wanted, known []string) ([]string, error) {
	for _, name := range wanted {
		if slices.Contains(known, name) {
			return wanted, nil
		}
	}
	d := &api.Diagnostic{Code: api.CodePurgeUnknown, Title: "there is nothing to delete"}
	if len(wanted) > 0 {
		d.Title = fmt.Sprintf("there is nothing of project '%s' to delete", strings.Join(wanted, "', '"))
	}
	if len(known) > 0 {
		d.Notes = []string{"there is something of " + strings.Join(known, ", ")}
	}
	return nil, d
}

// all ends the instance and deletes everything of it.
func (p *purge) all(ctx context.Context, a *app, conn *client.Conn) error {
	if conn != nil {
		result, err := conn.Shutdown(ctx, nil)
		if err == nil && !result.OK {
			err = failuresFrom(result.Failed)
		}
		if err == nil {
			err = a.instance.awaitEnd(conn)
		}
		if err != nil {
			return &withCause{cause: err, Diagnostic: notEnded()}
		}
		a.instance.sweep()
	}
	return a.instance.alone(a.instance.raze)
}

func notEnded(help ...api.Help) *api.Diagnostic {
	return &api.Diagnostic{Code: api.CodePurgeSupervisor, Title: "the supervisor did not end, and nothing was deleted", Help: help}
}

// some stops projects and deletes what is kept of them, under a supervisor that
// goes on.
func (p *purge) some(ctx context.Context, a *app, conn *client.Conn, projects []string) error {
	helper, err := execclient.Dial(a.instance.execSocket())
	if err != nil {
		return helperFailed(err)
	}
	defer func() { _ = helper.Close() }()
	for _, project := range projects {
		result, err := conn.Stop(ctx, api.Stop{Project: project}, nil)
		switch {
		case isCode(err, api.CodeUnknownUnit): // installed, never started
		case err != nil:
			return err
		case !result.OK:
			return failuresFrom(result.Failed)
		default:
			if err := conn.Forget(ctx, api.Forget{Project: project}); err != nil {
				return err
			}
		}
		if err := helper.AwaitRemove(spec.Remove{Project: project}); err != nil {
			return helperFailed(err)
		}
	}
	return a.instance.discard(projects)
}
