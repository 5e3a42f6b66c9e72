package supervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/order"
	"systemg.org/sysg/pkg/store"
)

// What clients ask of scheduled units.

// maxNext bounds how many times to come are told at once.
const maxNext = 1000

// Cron tells of the schedules of the units named, of all of them without names.
func (s *Supervisor) Cron(ctx context.Context, _ api.Caller, params api.CronQuery) ([]api.CronUnit, error) {
	var units []api.CronUnit
	err := s.consult(ctx, func() error {
		if params.Project != "" && s.projects[params.Project] == nil {
			return unknownProject(params.Project)
		}
		for _, p := range s.scope(params.Project) {
			names, err := p.scheduledOf(params.Services)
			if err != nil {
				return err
			}
			for _, name := range names {
				units = append(units, p.services[name].cronUnit(s.clock.Now(), min(params.Next, maxNext)))
			}
		}
		return nil
	})
	order.By(units, func(a, b *api.CronUnit) int {
		return strings.Compare(a.Project+"/"+a.Service, b.Project+"/"+b.Service)
	})
	return units, err
}

// scheduledOf checks names of scheduled units; none stands for all of them.
func (p *project) scheduledOf(names []string) ([]string, error) {
	if len(names) == 0 {
		return p.scheduled(), nil
	}
	for _, name := range names {
		if _, err := p.pick([]string{name}); err != nil {
			return nil, err
		}
		if p.services[name].cron == nil {
			return nil, p.services[name].noCron()
		}
	}
	return names, nil
}

func (v *service) noCron() error {
	return &api.Diagnostic{
		Code: api.CodeNotCron, Title: fmt.Sprintf("Service '%s' has no schedule", v.config.Name),
		Project: v.project.generation.Project, Service: v.config.Name,
		Help: []api.Help{{Label: "list scheduled units", Command: "sysg cron next"}},
	}
}

// cronUnit is a scheduled unit for a client, with its next times.
func (v *service) cronUnit(now time.Time, next int) api.CronUnit {
	shown := v.cronStatus(-1)
	unit := api.CronUnit{
		Project: v.project.generation.Project, Service: v.config.Name, Expression: v.config.Cron.Expression,
		Phase: string(v.state), TimezoneLabel: shown.TimezoneLabel, Timezone: shown.Timezone,
		Next: []string{}, Runs: shown.RecentRuns,
	}
	c := v.cron
	for at := now; len(unit.Next) < next; {
		due, ok := c.schedule.Next(at)
		if !ok {
			break
		}
		at = due
		if due.Equal(c.planned) { // The first one is known with its jitter.
			due = c.at.In(due.Location())
		}
		unit.Next = append(unit.Next, due.Format(time.RFC3339))
	}
	return unit
}

// CronRun runs a scheduled unit now.
func (s *Supervisor) CronRun(ctx context.Context, by api.Caller, params api.CronRunNow, emit func(api.Reply) error) (api.Result, error) {
	result, err := s.perform(ctx, emit, func() (*op, error) { return s.cronRun(by, params) })
	s.explain(ctx, &result)
	return result, err
}

func (s *Supervisor) cronRun(by api.Caller, params api.CronRunNow) (*op, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	p := s.projects[params.Project]
	if p == nil {
		return nil, unknownProject(params.Project)
	}
	if _, err := p.scheduledOf([]string{params.Service}); err != nil {
		return nil, err
	}
	v := p.services[params.Service]
	if err := v.mayRun(); err != nil {
		return nil, err
	}
	c := v.cron
	if v.running() && v.config.Cron.Overlap == generation.OverlapKill {
		s.interruptRun(v, asked(by, "run").Text+" (overlap: kill)")
	}
	if c.owed == nil {
		c.owed = &owed{cause: asked(by, "run")}
	}
	ticket := c.begun + 1
	s.touch(p)
	return &op{
		concerns: func(other *service) bool { return other == v },
		finished: func() (api.Result, bool) { return v.ran(c, ticket, params.Wait) },
	}, nil
}

// mayRun refuses a run that would not be made.
func (v *service) mayRun() error {
	d := &api.Diagnostic{Project: v.project.generation.Project, Service: v.config.Name}
	switch {
	case !v.ticks():
		d.Code, d.Title = api.CodeCronStopped, fmt.Sprintf("Cron unit '%s' is not scheduled: it is %s", v.config.Name, v.outlook())
		d.Help = []api.Help{{Label: "put its schedule into effect", Command: "sysg start -p " + d.Project}}
	case v.running() && v.config.Cron.Overlap == generation.OverlapSkip:
		d.Code, d.Title = api.CodeCronRunning, fmt.Sprintf("Cron unit '%s' runs already", v.config.Name)
		d.Notes = []string{"its overlap is skip: one run at a time"}
		d.Help = []api.Help{{Label: "see that run", Command: "sysg cron history " + v.selector()}}
	default:
		return nil
	}
	return d
}

// ran reports whether the run with the ticket has begun, or with wait is over.
func (v *service) ran(c *cron, ticket int, wait bool) (api.Result, bool) {
	name := v.config.Name
	switch {
	case v.cron != c || c.begun < ticket && !v.wanted:
		return api.Result{Failed: []api.Diagnostic{v.overtaken()}}, true
	case c.begun < ticket && v.state == machine.Scheduled && v.hopeless():
		if c.owed != nil && c.owed.planned.IsZero() {
			c.owed = nil
		}
		return api.Result{Failed: []api.Diagnostic{v.diagnoseBlocked()}}, true
	case c.begun < ticket:
		return api.Result{}, false
	case c.begun == ticket && c.current != nil: // It is in progress.
		begun := c.current.PID != 0 && !wait
		return api.Result{OK: true, Message: fmt.Sprintf("Cron unit '%s' runs", name), Units: []string{name}}, begun
	}
	run := c.nth(ticket)
	if run == nil {
		return api.Result{OK: true, Message: fmt.Sprintf("Cron unit '%s' was left out, as its skip command says", name)}, true
	}
	if run.Status == succeeded {
		return api.Result{OK: true, Message: fmt.Sprintf("Cron unit '%s' has run", name), Units: []string{name}}, true
	}
	// Who does not wait asks whether it began. How it ended cannot change that
	// answer, or it would depend on who is faster.
	if !wait && run.PID != 0 {
		return api.Result{OK: true, Message: fmt.Sprintf("Cron unit '%s' ran: %s", name, run.Status), Units: []string{name}}, true
	}
	return api.Result{Failed: []api.Diagnostic{{
		Code: api.CodeCronFailed, Project: v.project.generation.Project, Service: name,
		Title: fmt.Sprintf("The run of cron unit '%s' did not succeed: %s", name, run.Status),
		Help:  []api.Help{{Label: "its output", Command: "sysg cron history " + v.selector() + " --log 1"}},
	}}}, true
}

// diagnoseBlocked says which dependency keeps a run from beginning.
func (v *service) diagnoseBlocked() api.Diagnostic {
	_, text := v.blocker()
	return api.Diagnostic{
		Code: api.CodeDependency, Project: v.project.generation.Project, Service: v.config.Name,
		Title: fmt.Sprintf("Cron unit '%s' does not run: it waits for %s", v.config.Name, text),
		Help:  []api.Help{{Label: "the chain of causes", Command: "sysg why " + v.selector()}},
	}
}

// nth is the record of the run with a ticket, nil if it left none.
func (c *cron) nth(ticket int) *store.Run {
	for i := range c.history {
		if c.history[i].Ticket == ticket {
			return &c.history[i]
		}
	}
	return nil
}

// refuseCron refuses to start or restart a scheduled unit by its name.
func (s *Supervisor) refuseCron(p *project, names []string) error {
	services := p.generation.Services
	if p.pending != nil {
		services = p.pending.Services
	}
	for _, config := range services {
		if config.Cron == nil || !slices.Contains(names, config.Name) {
			continue
		}
		unit := p.generation.Project + "/" + config.Name
		if p.pending != nil {
			unit = p.pending.Project + "/" + config.Name
		}
		project, _, _ := strings.Cut(unit, "/")
		return &api.Diagnostic{
			Code: api.CodeCronDirect, Title: fmt.Sprintf("Cron unit '%s' runs by its schedule, and is not started by itself", config.Name),
			Project: project, Service: config.Name,
			Help: []api.Help{
				{Label: "run it now", Command: "sysg cron run " + unit},
				{Label: "when it runs next", Command: "sysg cron next " + unit},
			},
		}
	}
	return nil
}

// setAsideCron keeps a history that cannot be read as evidence.
func (s *Supervisor) setAsideCron(project string, corrupt *store.CorruptError) {
	if corrupt == nil {
		return
	}
	aside, err := store.SetAside(corrupt)
	s.log.Error("Cron history could not be restored; schedules begin anew",
		"project", project, "kept", aside, "error", errors.Join(corrupt, err))
}
