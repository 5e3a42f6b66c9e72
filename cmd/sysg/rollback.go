package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/spec"
)

const rollbackHelp = `Go back to an earlier generation of a project: what it had is what runs then.

Services that are the same in both keep running. Without a number it is the
last one that was different. What was installed since stays in the list, so that
a rollback can be undone by another. The manifest's file is left alone: the next
restart reads it again.`

var rollbackVerb = verb{
	name: "rollback", usage: "[GENERATION]", words: 1, installs: true, later: true,
	short: "go back to an earlier generation", help: rollbackHelp,
	setup: func(flags *pflag.FlagSet) action {
		r := rollback{}
		flags.StringVarP(&r.project, "project", "p", "", "of this project")
		return func(ctx context.Context, a *app, words []string) error {
			if len(words) == 1 {
				number, err := strconv.Atoi(words[0])
				if err != nil || number < 1 {
					return &usage{"rollback", fmt.Sprintf("a generation is a number, not %q; sysg generations lists them", words[0])}
				}
				r.number = number
			}
			return r.run(ctx, a)
		}
	},
}

type rollback struct {
	project string
	number  int // 0 for the last one that was different
}

func (r *rollback) run(ctx context.Context, a *app) error {
	conn, err := a.reach()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	project, all, err := a.generationsOf(ctx, conn, r.project)
	if err != nil {
		return err
	}
	to, err := r.choose(project, all)
	if err != nil {
		return err
	}
	installed, err := a.activateGeneration(spec.Activate{Project: project, Number: to.Number})
	if err != nil {
		return err
	}
	shown := newProgress(a.out)
	defer shown.end()
	selections := []selection{{project: project}}
	result, err := a.each(ctx, selections, func(ctx context.Context, conn *client.Conn, s selection) (api.Result, error) {
		return conn.Restart(ctx, api.Restart{Project: s.project, Generation: installed.Number, Reconcile: true}, shown.each())
	})
	shown.end()
	if err != nil {
		return err
	}
	result.Message = fmt.Sprintf("Project '%s' rolled back to generation %d, which is generation %d now", project, to.Number, installed.Number)
	return a.settle(selections, "rolled back", incomplete(result))
}

// choose finds the generation to go back to.
func (r *rollback) choose(project string, all []api.Installed) (api.Installed, error) {
	active := slices.IndexFunc(all, func(g api.Installed) bool { return g.Active })
	if r.number != 0 {
		i := slices.IndexFunc(all, func(g api.Installed) bool { return g.Number == r.number })
		if i >= 0 {
			return all[i], nil
		}
		return api.Installed{}, noGeneration(fmt.Sprintf("Project '%s' has no generation %d", project, r.number), all)
	}
	for i := active - 1; i >= 0; i-- {
		if all[i].Hash != all[active].Hash {
			return all[i], nil
		}
	}
	return api.Installed{}, noGeneration(fmt.Sprintf("Project '%s' has no earlier generation that was different", project), all)
}

func noGeneration(title string, all []api.Installed) error {
	d := &api.Diagnostic{Code: api.CodeUnknownUnit, Title: title, Help: []api.Help{{Label: "list them", Command: "sysg generations"}}}
	if len(all) > 0 {
		d.Notes = []string{fmt.Sprintf("there is %d to %d", all[0].Number, all[len(all)-1].Number)}
	}
	return d
}

// activateGeneration has sysg-exec install an earlier generation anew.
func (a *app) activateGeneration(request spec.Activate) (spec.Installed, error) {
	home, err := a.home()
	if err != nil {
		return spec.Installed{}, err
	}
	conn, err := execclient.Dial(home.execSocket())
	if err != nil {
		return spec.Installed{}, helperFailed(err)
	}
	defer func() { _ = conn.Close() }()
	installed, err := conn.AwaitActivate(request)
	if err != nil {
		return installed, helperFailed(err)
	}
	return installed, nil
}
