package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
)

const statusHelp = `Show the state of services.

Exit code: 0 if all is healthy or idle, 1 if something is worth a look or there
is nothing to show, 2 if something is failing. --format json prints status.v1.`

var statusVerb = verb{
	name: "status", asks: true, short: "show the state of services", help: statusHelp,
	setup: func(flags *pflag.FlagSet) action {
		s := status{}
		flags.StringVarP(&s.config, "config", "c", "", "only the projects of this manifest")
		s.scope.declare(flags)
		flags.BoolVar(&s.fullCommand, "full-cmd", false, "do not shorten commands")
		flags.Bool("live", false, "ask the kernel now, which is always done")
		_ = flags.MarkHidden("live")
		return func(ctx context.Context, a *app, _ []string) error { return s.run(ctx, a) }
	},
}

type status struct {
	config      string
	scope       scope
	fullCommand bool
}

func (s *status) run(ctx context.Context, a *app) error {
	conn, err := a.reach()
	if err != nil {
		if isCode(err, api.CodeNoSupervisor) && s.config != "" {
			return &withCode{err, offline}
		}
		return err
	}
	defer func() { _ = conn.Close() }()
	snapshot, err := conn.Status(ctx, api.Status{})
	if err != nil {
		return err
	}
	if err := s.narrow(&snapshot); err != nil {
		return err
	}
	s.print(a.out, snapshot)
	switch {
	case len(snapshot.Units) == 0 || snapshot.OverallHealth == "warn":
		return exit(failed)
	case snapshot.OverallHealth == "failing":
		return exit(failing)
	default:
		return nil
	}
}

// narrow leaves the units that are meant. That a name means nothing is for the
// reader to see, not an error; that it means several things is one.
func (s *status) narrow(snapshot *api.Snapshot) error {
	if s.config != "" {
		path, err := filepath.Abs(s.config)
		if err != nil {
			return fmt.Errorf("cannot tell where %q is: %w", s.config, err)
		}
		snapshot.Units = keep(snapshot.Units, func(u api.Unit) bool { return u.Project.ConfigPath == path })
	}
	if !s.scope.empty() {
		selections, err := s.scope.resolve(catalogueOf(*snapshot))
		switch {
		case isCode(err, api.CodeUnknownUnit):
			snapshot.Units = nil
		case isCode(err, api.CodeAmbiguous):
			return &withCode{err, ambiguity}
		case err != nil:
			return err
		default:
			snapshot.Units = keep(snapshot.Units, func(u api.Unit) bool { return selected(u, selections) })
		}
	}
	snapshot.OverallHealth = overall(snapshot.Units)
	return nil
}

func keep(units []api.Unit, wanted func(api.Unit) bool) []api.Unit {
	return slices.DeleteFunc(slices.Clone(units), func(u api.Unit) bool { return !wanted(u) })
}

func selected(unit api.Unit, selections []selection) bool {
	return slices.ContainsFunc(selections, func(s selection) bool {
		return s.project == unit.Project.ID && (len(s.services) == 0 || slices.Contains(s.services, unit.Name))
	})
}

// overall is the health of the worst unit; without any there is a reason to
// wonder.
func overall(units []api.Unit) string {
	worst := "healthy"
	if len(units) == 0 {
		worst = "warn"
	}
	for _, unit := range units {
		switch {
		case unit.Health == "failing":
			return "failing"
		case unit.Health == "warn":
			worst = "warn"
		}
	}
	return worst
}

func (s *status) print(out *output, snapshot api.Snapshot) {
	if out.json {
		out.printJSON(snapshot)
		return
	}
	if len(snapshot.Units) == 0 {
		text := "No units being supervised"
		if !s.scope.empty() || s.config != "" {
			text = "No matching units found."
		}
		fmt.Fprintln(out.stdout, text)
		return
	}
	width := 40
	switch {
	case s.fullCommand:
		width = 0
	case out.stdoutTTY:
		width = max(out.width-statusWidth, 12)
	}
	fmt.Fprint(out.stdout, renderStatus(snapshot, width, out.colour))
}

// tally counts words, in the order of their first appearance.
func tally(units []api.Unit, word func(api.Unit) string) string {
	var order []string
	counts := map[string]int{}
	for _, unit := range units {
		w := word(unit)
		if counts[w] == 0 {
			order = append(order, w)
		}
		counts[w]++
	}
	for i, w := range order {
		order[i] = fmt.Sprintf("%d %s", counts[w], w)
	}
	return strings.Join(order, ", ")
}
