package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/schedule"
)

const cronHelp = `Show and drive the units that have a schedule.

  sysg cron next [UNIT]       when they run next; -n for more than one time
  sysg cron run UNIT          run one now; --wait until the run is over
  sysg cron history UNIT      the runs there were, the newest first;
                              --log N shows what run N has written

With -c, next reads a manifest and needs no supervisor. Exit code of run --wait:
0 if the run succeeded, else 1.`

var cronVerb = verb{
	name: "cron", usage: "next|run|history [UNIT]", short: "show and drive scheduled units", help: cronHelp, words: 2, later: true,
	setup: func(flags *pflag.FlagSet) action {
		c := cronCommand{}
		flags.StringVarP(&c.config, "config", "c", "", "next: the times of this manifest")
		flags.StringVarP(&c.project, "project", "p", "", "only this project")
		flags.StringVarP(&c.service, "service", "s", "", "the unit, as UNIT")
		flags.IntVarP(&c.count, "count", "n", 0, "next: how many times of each (1); history: how many runs (all)")
		flags.BoolVar(&c.wait, "wait", false, "run: until the run is over")
		flags.IntVar(&c.log, "log", 0, "history: what run N has written, 1 being the newest")
		return func(ctx context.Context, a *app, words []string) error {
			if err := c.check(flags, words); err != nil {
				return err
			}
			switch words[0] {
			case "next":
				return c.next(ctx, a)
			case "run":
				return c.run(ctx, a)
			}
			return c.history(ctx, a)
		}
	},
}

type cronCommand struct {
	config, project, service string
	count, log               int
	wait                     bool
}

// check finds the unit among the words, and flags that do not belong here.
func (c *cronCommand) check(flags *pflag.FlagSet, words []string) error {
	belongs := map[string][]string{
		"next": {"config", "count"}, "run": {"wait"}, "history": {"count", "log"},
	}
	if len(words) == 0 || belongs[words[0]] == nil {
		return &usage{"cron", "say next, run or history"}
	}
	for verb, names := range belongs {
		for _, name := range names {
			if verb != words[0] && flags.Changed(name) && !slices.Contains(belongs[words[0]], name) {
				return &usage{"cron", fmt.Sprintf("--%s is not for cron %s", name, words[0])}
			}
		}
	}
	switch {
	case len(words) == 2 && c.service != "":
		return &usage{"cron", "the unit is given twice"}
	case len(words) == 2:
		c.service = words[1]
	case words[0] != "next" && c.service == "":
		return &usage{"cron", "which unit?"}
	}
	if c.count < 0 || flags.Changed("count") && c.count == 0 {
		return &usage{"cron", "-n is a number from 1 up"}
	}
	if flags.Changed("log") && c.log < 1 {
		return &usage{"cron", "--log is a number from 1 up"}
	}
	return nil
}

// pick asks the supervisor for the schedules that are meant.
func (c *cronCommand) pick(ctx context.Context, a *app, next int) ([]api.CronUnit, error) {
	conn, err := a.reach()
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	query := api.CronQuery{Project: c.project, Next: next}
	if c.service != "" {
		sel, err := c.selection(ctx, a)
		if err != nil {
			return nil, err
		}
		query.Project, query.Services = sel.project, sel.services
	}
	return conn.Cron(ctx, query)
}

// selection is the unit that is meant.
func (c *cronCommand) selection(ctx context.Context, a *app) (selection, error) {
	conn, err := a.reach()
	if err != nil {
		return selection{}, err
	}
	defer func() { _ = conn.Close() }()
	snapshot, err := conn.Status(ctx, api.Status{})
	if err != nil {
		return selection{}, err
	}
	selections, err := scope{c.project, []string{c.service}}.resolve(catalogueOf(snapshot))
	if err != nil {
		return selection{}, err
	}
	return selections[0], nil
}

// run runs a unit now.
func (c *cronCommand) run(ctx context.Context, a *app) error {
	sel, err := c.selection(ctx, a)
	if err != nil {
		return err
	}
	conn, err := a.reach()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	result, err := conn.CronRun(ctx, api.CronRunNow{Project: sel.project, Service: sel.services[0], Wait: c.wait}, newProgress(a.out).each())
	if err != nil {
		return err
	}
	switch {
	case len(result.Failed) > 0:
		return failuresFrom(result.Failed)
	case a.out.json:
		a.out.printJSON(result)
	case !a.out.quiet:
		fmt.Fprintln(a.out.stdout, result.Message)
	}
	return nil
}

// next shows the times to come.
func (c *cronCommand) next(ctx context.Context, a *app) error {
	var units []api.CronUnit
	var err error
	if c.config != "" {
		units, err = c.offline(a)
	} else {
		units, err = c.pick(ctx, a, max(c.count, 1))
	}
	if err != nil {
		return err
	}
	if a.out.json {
		a.out.printJSON(struct {
			Units []comingRuns `json:"units"`
		}{comingFrom(units)})
		return nil
	}
	if len(units) == 0 {
		fmt.Fprintln(a.out.stdout, "No scheduled units")
		return nil
	}
	fmt.Fprint(a.out.stdout, renderNext(units, time.Now(), a.out.colour))
	return nil
}

// offline reckons from a manifest.
func (c *cronCommand) offline(a *app) ([]api.CronUnit, error) {
	path, err := a.findManifest(c.config)
	if err != nil {
		return nil, err
	}
	generations, err := a.load(path)
	if err != nil {
		return nil, err
	}
	wanted := scope{project: c.project}
	if c.service != "" {
		wanted.services = []string{c.service}
	}
	selections, err := wanted.resolve(catalogueOfManifest(generations))
	if err != nil {
		return nil, err
	}
	units := []api.CronUnit{}
	for _, g := range generations {
		for _, service := range g.Supervise.Services {
			if !picked(selections, g.Supervise.Project, service.Name) {
				continue
			}
			if service.Cron == nil {
				if c.service != "" {
					return nil, &api.Diagnostic{Code: api.CodeNotCron, Title: fmt.Sprintf("Service '%s' has no schedule", service.Name)}
				}
				continue
			}
			unit, err := c.reckon(g.Supervise.Project, service)
			if err != nil {
				return nil, err
			}
			units = append(units, unit)
		}
	}
	return units, nil
}

func picked(selections []selection, project, service string) bool {
	for _, s := range selections {
		if s.project == project && (len(s.services) == 0 || slices.Contains(s.services, service)) {
			return true
		}
	}
	return false
}

func (c *cronCommand) reckon(project string, service generation.Service) (api.CronUnit, error) {
	unit := api.CronUnit{
		Project: project, Service: service.Name, Expression: service.Cron.Expression, Phase: "down",
		TimezoneLabel: service.Cron.Timezone, Timezone: service.Cron.Timezone,
	}
	parsed, err := schedule.Parse(service.Cron.Expression, service.Cron.Timezone)
	if err != nil {
		return unit, &api.Diagnostic{Code: api.CodeManifest, Title: err.Error(), Project: project, Service: service.Name}
	}
	at := time.Now()
	for range max(c.count, 1) {
		next, ok := parsed.Next(at)
		if !ok {
			break
		}
		at = next
		unit.Next = append(unit.Next, next.Format(time.RFC3339))
	}
	return unit, nil
}

// history shows the runs that there were.
func (c *cronCommand) history(ctx context.Context, a *app) error {
	units, err := c.pick(ctx, a, 0)
	if err != nil {
		return err
	}
	unit := units[0]
	if c.log > 0 {
		return c.showLog(ctx, a, unit)
	}
	if c.count > 0 && len(unit.Runs) > c.count {
		unit.Runs = unit.Runs[:c.count]
	}
	if a.out.json {
		a.out.printJSON(unit)
		return nil
	}
	if len(unit.Runs) == 0 {
		fmt.Fprintln(a.out.stdout, "It has not run yet")
		return nil
	}
	fmt.Fprint(a.out.stdout, renderHistory(unit.Runs, a.out.colour))
	return nil
}

// showLog prints what one run has written: its pre_start command, then itself.
func (c *cronCommand) showLog(ctx context.Context, a *app, unit api.CronUnit) error {
	if c.log > len(unit.Runs) {
		return &api.Diagnostic{
			Code: api.CodeCronNoSuchRun, Title: fmt.Sprintf("Cron unit '%s' has no run %d", unit.Service, c.log),
			Notes: []string{"its history has " + strconv.Itoa(len(unit.Runs))},
			Help:  []api.Help{{Label: "list them", Command: "sysg cron history " + unit.Project + "/" + unit.Service}},
		}
	}
	run := unit.Runs[c.log-1]
	conn, err := a.reach()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	for _, incarnation := range []string{run.Before, run.Incarnation} {
		if incarnation == "" {
			continue
		}
		query := api.Logs{Project: unit.Project, Service: unit.Service, All: true, Invocation: incarnation}
		err := conn.Logs(ctx, query, func(line api.Line) error {
			a.out.line(line, withoutService)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
