package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/paths"
	"systemg.org/sysg/pkg/store"
)

const eventsHelp = `Show what happened to services: every change of state, with its cause.

The record is kept over restarts of the supervisor, and can be read without one.
--follow goes on with what happens. --format json prints an object a line, with a
number that counts events: one that is missing was lost to a full disk.`

var eventsVerb = verb{
	name: "events", asks: true, later: true, short: "show every change of state with its cause", help: eventsHelp,
	setup: func(flags *pflag.FlagSet) action {
		e := events{}
		e.scope.declare(flags)
		flags.BoolVarP(&e.follow, "follow", "f", false, "go on with what happens")
		flags.StringVar(&e.since, "since", "", "only what happened since: RFC 3339, YYYY-MM-DD, or an age such as 30m, 2h, 7d")
		flags.IntVarP(&e.lines, "lines", "n", 100, "how many, counted from the end; negative for all")
		return func(ctx context.Context, a *app, _ []string) error { return e.run(ctx, a) }
	},
}

type events struct {
	scope  scope
	follow bool
	since  string
	lines  int
}

func (e *events) run(ctx context.Context, a *app) error {
	since, err := pointInTime(e.since, time.Now())
	if err != nil {
		return &usage{"events", err.Error()}
	}
	params := api.Events{Lines: e.lines, Follow: e.follow}
	if !since.IsZero() {
		params.Since = since.Format(time.RFC3339Nano)
	}
	conn, err := a.reach()
	if isCode(err, api.CodeNoSupervisor) && !e.follow {
		return e.fromFile(a, params, err)
	}
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if !e.scope.empty() {
		snapshot, err := conn.Status(ctx, api.Status{})
		if err != nil {
			return err
		}
		selections, err := e.scope.resolve(catalogueOf(snapshot))
		if err != nil {
			return err
		}
		if len(selections) > 1 {
			return &api.Diagnostic{Code: api.CodeConflict, Title: "events are of all projects, or of one"}
		}
		params.Project, params.Services = selections[0].project, selections[0].services
	}
	ctx, release := interruptible(ctx)
	defer release()
	err = conn.Events(ctx, params, func(event api.Event) error { return a.out.event(event) })
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// fromFile reads the record itself, where nobody is there to ask.
func (e *events) fromFile(a *app, params api.Events, why error) error {
	home, err := a.home()
	if err != nil {
		return err
	}
	if _, err := os.Stat(paths.Events(home.state)); err != nil {
		return why
	}
	for _, text := range e.scope.services {
		project, service, found := strings.Cut(text, "/")
		if !found {
			project, service = e.scope.project, text
		}
		params.Project, params.Services = project, append(params.Services, service)
	}
	if len(e.scope.services) == 0 {
		params.Project = e.scope.project
	}
	backlog, err := params.Backlog(func(each func(api.Event) bool) error {
		return store.ReadJournal(paths.Events(home.state), each)
	})
	if err != nil {
		return err
	}
	for _, event := range backlog {
		if err := a.out.event(event); err != nil {
			return err
		}
	}
	return nil
}

// event prints one event.
func (o *output) event(event api.Event) error {
	if o.json {
		o.printJSON(event)
		return o.broken()
	}
	when := event.At
	if at, err := time.Parse(time.RFC3339Nano, event.At); err == nil {
		when = at.Format("2006-01-02 15:04:05.000")
	}
	what := fmt.Sprintf("%s → %s", words(event.From), words(event.To))
	switch {
	case event.Event == api.EventNote:
		what = "note"
	case event.From == event.To:
		what = words(event.To)
	}
	code := ""
	if event.Code != "" {
		code = " [" + event.Code + "]"
	}
	fmt.Fprintf(o.stdout, "%s %s %s: %s%s\n", paint(o.colour, faint, when),
		paint(o.colour, serviceStyle(event.Service), event.Project+"/"+event.Service),
		paint(o.colour, phaseStyle(event.To), what), clean(event.Cause), code)
	return o.broken()
}

// pointInTime reads a time as people write it: RFC 3339, a day (UTC), or how
// long ago; "" is the zero time.
func pointInTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.RFC3339Nano, time.DateOnly} {
		if at, err := time.Parse(form, text); err == nil {
			return at, nil
		}
	}
	age, err := time.ParseDuration(text)
	if days, isDays := strings.CutSuffix(text, "d"); isDays {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		age = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || age < 0 {
		return time.Time{}, fmt.Errorf("--since takes a time (RFC 3339), a day (YYYY-MM-DD) or an age (30m, 2h, 7d), not %q", text)
	}
	return now.Add(-age), nil
}
