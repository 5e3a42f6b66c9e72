package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
)

const generationsHelp = `List what was installed of a project: each manifest that was started or
restarted with, compiled, is a generation with a number. The last ten are kept.

ACTIVE is the one that was installed last, and that the services run by. sysg
rollback goes back to another.`

var generationsVerb = verb{
	name: "generations", asks: true, later: true, short: "list what was installed of a project", help: generationsHelp,
	setup: func(flags *pflag.FlagSet) action {
		project := flags.StringP("project", "p", "", "of this project")
		return func(ctx context.Context, a *app, _ []string) error {
			conn, err := a.reach()
			if err != nil {
				return err
			}
			defer func() { _ = conn.Close() }()
			name, all, err := a.generationsOf(ctx, conn, *project)
			if err != nil {
				return err
			}
			if a.out.json {
				a.out.printJSON(map[string]any{"project": name, "generations": all})
				return nil
			}
			fmt.Fprint(a.out.stdout, renderGenerations(all, a.out.colour))
			return nil
		}
	},
}

// generationsOf lists those of a project; without its name, of the only one.
// Commands that were started without a manifest count only where nothing else is.
func (a *app) generationsOf(ctx context.Context, conn *client.Conn, project string) (string, []api.Installed, error) {
	if project == "" {
		snapshot, err := conn.Status(ctx, api.Status{})
		if err != nil {
			return "", nil, err
		}
		selections, err := scope{}.resolve(catalogueOf(snapshot))
		if written := a.instance.written(selections, snapshot); len(written) > 0 {
			selections = written
		}
		switch {
		case err != nil:
			return "", nil, err
		case len(selections) == 0:
			return "", nil, &api.Diagnostic{Code: api.CodeUnknownUnit, Title: "the supervisor knows no project"}
		case len(selections) > 1:
			return "", nil, &api.Diagnostic{
				Code: api.CodeAmbiguous, Title: "there are several projects: " + names(selections),
				Help: []api.Help{{Label: "say which", Command: "-p PROJECT"}},
			}
		}
		project = selections[0].project
	}
	all, err := conn.Generations(ctx, project)
	return project, all, err
}

// renderGenerations is a table, the newest first.
func renderGenerations(all []api.Installed, colour bool) string {
	rows := [][]string{{"GENERATION", "INSTALLED", "ACTIVE", "HASH", "SERVICES", "MANIFEST"}}
	for i := len(all) - 1; i >= 0; i-- {
		g := all[i]
		active := "-"
		switch {
		case g.Active && g.Current:
			active = "yes"
		case g.Active:
			active = "not yet"
		case g.Current:
			active = "in use"
		}
		installed := g.InstalledAt
		if at, err := time.Parse(time.RFC3339, g.InstalledAt); err == nil {
			installed = at.Local().Format(time.DateTime)
		}
		rows = append(rows, []string{
			fmt.Sprint(g.Number), installed, active, g.Hash[:min(12, len(g.Hash))], fmt.Sprint(len(g.Services)), clean(g.Manifest),
		})
	}
	return align(rows, boldHead(colour))
}
