package main

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/logs"
)

const logsHelp = `Show what services printed, each line with its time and stream.

On a terminal the logs are followed; --follow and --no-follow say so anywhere.
--since, --until and --all show what there is and end. Times are RFC 3339, a day
(2026-01-31, UTC), or an age (90s, 30m, 2h, 7d, 1w). --invocation shows one run
of a service, by the id that status and why name; its beginning is enough.

--path prints where a log is, --purge empties it, --prune deletes rotated files
beyond --max-size or --max-age, and --supervisor is about the supervisor's own
log. No supervisor has to run for any of this.`

var logsVerb = verb{
	name: "logs", short: "show what services printed", help: logsHelp,
	setup: func(flags *pflag.FlagSet) action {
		l := logsCommand{}
		flags.StringVarP(&l.config, "config", "c", "", "only the projects of this manifest")
		l.scope.declare(flags)
		flags.BoolVar(&l.supervisor, "supervisor", false, "the supervisor's own log")
		flags.StringVar(&l.invocation, "invocation", "", "only what this run of a service printed")
		flags.IntVarP(&l.lines, "lines", "l", 100, "how many lines of each log, counted from its end; 0 with --follow is only what comes")
		flags.StringVarP(&l.kind, "kind", "k", "", "only stdout or stderr")
		flags.BoolVarP(&l.follow, "follow", "f", false, "go on with what comes")
		flags.BoolVar(&l.noFollow, "no-follow", false, "end at the end")
		flags.StringVar(&l.since, "since", "", "only what was printed since a time")
		flags.StringVar(&l.until, "until", "", "only what was printed until a time")
		flags.StringVarP(&l.grep, "grep", "g", "", "only lines that match a regular expression")
		flags.BoolVarP(&l.all, "all", "a", false, "everything that is kept, rotated files too")
		flags.BoolVar(&l.path, "path", false, "print the path of the log")
		flags.BoolVar(&l.raw, "raw", false, "only the lines themselves")
		flags.BoolVar(&l.strip, "strip-ansi", false, "without colours (default for json, raw and where stdout is no terminal)")
		flags.BoolVar(&l.noStrip, "no-strip-ansi", false, "with colours, as they were printed")
		flags.StringVar(&l.repeat, "stream", "", "show the end of the log anew every so often")
		flags.BoolVar(&l.purge, "purge", false, "empty the log, and delete its rotated files")
		flags.BoolVar(&l.prune, "prune", false, "delete rotated files")
		flags.StringVar(&l.maxSize, "max-size", "", "with --prune: keep so much of them (10M, 1.5G)")
		flags.StringVar(&l.maxAge, "max-age", "", "with --prune: keep what is not older (12h, 7d, 4w)")
		return func(ctx context.Context, a *app, _ []string) error {
			l.counted = flags.Changed("lines")
			return l.run(ctx, a)
		}
	},
}

type logsCommand struct {
	config                     string
	scope                      scope
	invocation                 string
	supervisor, path, raw, all bool
	follow, noFollow           bool
	strip, noStrip             bool
	purge, prune               bool
	lines                      int
	counted                    bool // lines was given
	kind, since, until, grep   string
	repeat, maxSize, maxAge    string
	query                      logs.Query
	interval                   time.Duration
	bounds                     logs.Clear
}

func (l *logsCommand) run(ctx context.Context, a *app) error {
	if err := l.check(time.Now()); err != nil {
		return err
	}
	home, err := a.home()
	if err != nil {
		return err
	}
	targets, err := l.targets(a, home)
	if err != nil {
		return err
	}
	switch {
	case l.path:
		for _, t := range targets {
			fmt.Fprintln(a.out.stdout, home.logOf(t))
		}
		return nil
	case l.purge || l.prune:
		return l.clear(ctx, a, home, targets)
	}
	return l.show(ctx, a, home, targets)
}

// check refuses what cannot be meant, and reads what was given in words.
func (l *logsCommand) check(now time.Time) error {
	for _, refuse := range []func() error{l.checkTarget, l.checkMode, l.checkValues, func() error { return l.read(now) }} {
		if err := refuse(); err != nil {
			return err
		}
	}
	return nil
}

func (l *logsCommand) checkTarget() error {
	switch {
	case l.supervisor && (!l.scope.empty() || l.invocation != ""):
		return &api.Diagnostic{Code: api.CodeLogsSelector, Title: "--supervisor is a log of its own and takes no -s, -p or --invocation"}
	case !l.supervisor && l.scope.empty() && l.invocation == "" && l.config == "":
		return &api.Diagnostic{
			Code: api.CodeLogsNoTarget, Title: "whose logs?",
			Help: []api.Help{
				{Label: "one service's", Command: "sysg logs -s SERVICE"},
				{Label: "a whole project's", Command: "sysg logs -p PROJECT"},
				{Label: "the supervisor's own", Command: "sysg logs --supervisor"},
			},
		}
	}
	return nil
}

// checkMode: a log is shown, followed, shown again and again, located, emptied
// or pruned.
func (l *logsCommand) checkMode() error {
	var modes []string
	for _, mode := range []struct {
		on   bool
		name string
	}{
		{l.path, "--path"}, {l.purge, "--purge"}, {l.prune, "--prune"}, {l.repeat != "", "--stream"},
		{l.follow, "--follow"}, {l.noFollow && l.follow, "--no-follow"},
		{l.follow && l.since != "", "--since"}, {l.follow && l.until != "", "--until"}, {l.follow && l.all, "--all"},
	} {
		if mode.on {
			modes = append(modes, mode.name)
		}
	}
	switch {
	case len(modes) > 1:
		return &api.Diagnostic{Code: api.CodeConflict, Title: modes[0] + " and " + modes[1] + " exclude each other"}
	case l.strip && l.noStrip:
		return &api.Diagnostic{Code: api.CodeConflict, Title: "--strip-ansi and --no-strip-ansi exclude each other"}
	case !l.prune && (l.maxSize != "" || l.maxAge != ""):
		return &api.Diagnostic{Code: api.CodeConflict, Title: "--max-size and --max-age go with --prune"}
	case l.prune && l.maxSize == "" && l.maxAge == "":
		return &api.Diagnostic{
			Code: api.CodePruneUnbounded, Title: "--prune needs --max-size or --max-age",
			Help: []api.Help{{Label: "keep a week", Command: "--prune --max-age 7d"}, {Label: "empty the log instead", Command: "--purge"}},
		}
	}
	return nil
}

func (l *logsCommand) checkValues() error {
	switch {
	case l.lines < 0:
		return &usage{"logs", fmt.Sprintf("--lines cannot be %d", l.lines)}
	case l.kind != "" && l.kind != logs.Stdout && l.kind != logs.Stderr:
		return &usage{"logs", fmt.Sprintf("--kind is stdout or stderr, not %q", l.kind)}
	}
	return nil
}

// read turns times, sizes and the expression into what they mean.
func (l *logsCommand) read(now time.Time) (err error) {
	l.query.Stream = l.kind
	if l.invocation != "" {
		l.query.Runs = []string{l.invocation}
	}
	if l.grep != "" {
		if l.query.Grep, err = regexp.Compile(l.grep); err != nil {
			return &usage{"logs", fmt.Sprintf("--grep is no regular expression: %v", err)}
		}
	}
	if l.query.Since, err = readTime("since", l.since, now); err != nil {
		return err
	}
	if l.query.Until, err = readTime("until", l.until, now); err != nil {
		return err
	}
	if l.interval, err = readInterval(l.repeat); err != nil {
		return err
	}
	if l.maxAge != "" {
		age, err := readAge(l.maxAge)
		if err != nil {
			return &usage{"logs", "--max-age " + err.Error()}
		}
		l.bounds.Before = now.Add(-age)
	}
	if l.maxSize != "" {
		bound, err := readSize(l.maxSize)
		if err != nil {
			return &usage{"logs", "--max-size " + err.Error()}
		}
		l.bounds.MaxBytes = &bound
	}
	return nil
}
