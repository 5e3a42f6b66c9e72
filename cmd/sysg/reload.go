package main

import (
	"context"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
)

const reloadHelp = `Read the manifest again and do what it changed, and nothing else.

It is restart without its last resort: where nothing has changed, nothing is
restarted. sysg plan shows beforehand what it would do.`

var reloadVerb = verb{
	name: "reload", short: "read the manifest again and do what it changed", help: reloadHelp, installs: true, later: true,
	setup: func(flags *pflag.FlagSet) action {
		r := restart{reload: true}
		r.declare(flags, "the manifest to reload")
		return func(ctx context.Context, a *app, _ []string) error { return r.run(ctx, a) }
	},
}

// scoped is what is asked of the supervisor for a selection. A reload names no
// service: it takes what changed.
func (r *restart) scoped(s selection, numbers map[string]int, reconcile bool) api.Restart {
	request := api.Restart{Project: s.project, Generation: numbers[s.project], Services: s.services, Reconcile: r.reload || reconcile}
	if r.reload {
		request.Services = nil
	}
	return request
}

// anyChanged reports whether one of several projects has another generation
// now: then the others have no reason to be restarted.
func anyChanged(selections []selection, numbers map[string]int, snapshot api.Snapshot) bool {
	if len(selections) < 2 {
		return false // The supervisor sees for itself.
	}
	for _, unit := range snapshot.Units {
		if number := numbers[unit.Project.ID]; number != 0 && number != unit.Project.Generation {
			return true
		}
	}
	return false
}
