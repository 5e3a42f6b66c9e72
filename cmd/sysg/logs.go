package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
)

const logsHelp = `Show what services printed, each line with its time and stream.

On a terminal the logs are followed; --follow and --no-follow say so anywhere.
--supervisor shows the supervisor's own log. --path prints where a log is.`

var logsVerb = verb{
	name: "logs", short: "show what services printed", help: logsHelp,
	setup: func(flags *pflag.FlagSet) action {
		l := logs{}
		flags.StringP("config", "c", "", "not needed: the supervisor knows")
		_ = flags.MarkHidden("config")
		l.scope.declare(flags)
		flags.BoolVar(&l.supervisor, "supervisor", false, "the supervisor's own log")
		flags.IntVarP(&l.lines, "lines", "l", 100, "how many lines, counted from the end")
		flags.StringVarP(&l.kind, "kind", "k", "", "only stdout or stderr")
		flags.BoolVarP(&l.follow, "follow", "f", false, "go on with what comes")
		flags.BoolVar(&l.noFollow, "no-follow", false, "end at the end")
		flags.BoolVar(&l.path, "path", false, "print the path of the log")
		flags.BoolVar(&l.raw, "raw", false, "only the lines themselves")
		return func(ctx context.Context, a *app, _ []string) error { return l.run(ctx, a) }
	},
}

type logs struct {
	scope                 scope
	supervisor, path, raw bool
	follow, noFollow      bool
	lines                 int
	kind                  string
}

func (l *logs) run(ctx context.Context, a *app) error {
	if err := l.check(); err != nil {
		return err
	}
	home, err := a.home()
	if err != nil {
		return err
	}
	if l.supervisor {
		return l.own(a.out, home.supervisorLog())
	}
	if l.path {
		if paths := l.exactPaths(home); paths != nil {
			fmt.Fprintln(a.out.stdout, strings.Join(paths, "\n"))
			return nil
		}
	}
	targets, err := l.targets(ctx, a)
	if err != nil {
		return err
	}
	if l.path {
		for _, t := range targets {
			fmt.Fprintln(a.out.stdout, home.serviceLog(t.Project, t.Service))
		}
		return nil
	}
	style := withoutService
	switch {
	case l.raw:
		style = raw
	case len(targets) > 1:
		style = withService
	}
	if l.followed(a) {
		return l.stream(ctx, a, targets, style)
	}
	return l.tail(ctx, a, targets, style)
}

func (l *logs) check() error {
	switch {
	case l.supervisor && !l.scope.empty():
		return &api.Diagnostic{Code: api.CodeLogsSelector, Title: "--supervisor is a log of its own and takes no -s or -p"}
	case !l.supervisor && l.scope.empty():
		return &api.Diagnostic{
			Code: api.CodeLogsNoTarget, Title: "whose logs?",
			Help: []api.Help{
				{Label: "one service's", Command: "sysg logs -s SERVICE"},
				{Label: "a whole project's", Command: "sysg logs -p PROJECT"},
				{Label: "the supervisor's own", Command: "sysg logs --supervisor"},
			},
		}
	case l.follow && (l.noFollow || l.path):
		return &api.Diagnostic{Code: api.CodeConflict, Title: "--follow excludes --no-follow and --path"}
	case l.follow && l.supervisor:
		return &api.Diagnostic{Code: api.CodeConflict, Title: "this version cannot follow the supervisor's own log"}
	case l.lines < 0:
		return &usage{"logs", fmt.Sprintf("--lines cannot be %d", l.lines)}
	case l.kind != "" && l.kind != "stdout" && l.kind != "stderr":
		return &usage{"logs", fmt.Sprintf("--kind is stdout or stderr, not %q", l.kind)}
	}
	return nil
}

// followed decides whether to go on with what comes.
func (l *logs) followed(a *app) bool {
	switch {
	case l.follow || l.noFollow:
		return l.follow
	case a.env("SYSTEMG_TAIL_MODE") == "oneshot":
		return false
	default:
		return a.out.draws
	}
}

// own prints the supervisor's log, which needs no supervisor.
func (l *logs) own(out *output, path string) error {
	if l.path {
		fmt.Fprintln(out.stdout, path)
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return &api.Diagnostic{
			Code: api.CodeUnknownUnit, Title: "the supervisor has no log: it never ran here, or systemd keeps what it says",
			Notes: []string{"there is no " + path},
			Help: append([]api.Help{
				{Label: "what systemd keeps", Command: "journalctl --user -u sysgd -u sysg-exec"},
			}, noSupervisor().Help...),
		}
	}
	for _, line := range lastLines(path, l.lines) {
		fmt.Fprintln(out.stdout, line)
	}
	return nil
}

// exactPaths are the paths of services named in full, for which nobody has to
// be asked; nil where somebody has to.
func (l *logs) exactPaths(home *instance) []string {
	var paths []string
	for _, text := range l.scope.services {
		project, service, found := strings.Cut(text, "/")
		if !found {
			project, service = l.scope.project, text
		}
		if project == "" || l.scope.project != "" && project != l.scope.project {
			return nil
		}
		if strings.ContainsAny(service, "/") || strings.HasPrefix(service, ".") || strings.HasPrefix(project, ".") {
			return nil
		}
		paths = append(paths, home.serviceLog(project, service))
	}
	return paths
}

func (l *logs) targets(ctx context.Context, a *app) ([]api.Logs, error) {
	conn, err := a.reach()
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	snapshot, err := conn.Status(ctx, api.Status{})
	if err != nil {
		return nil, err
	}
	known := catalogueOf(snapshot)
	selections, err := l.scope.resolve(known)
	if err != nil {
		return nil, err
	}
	var targets []api.Logs
	for _, s := range selections {
		services := s.services
		if len(services) == 0 {
			services = known[s.project]
		}
		for _, service := range services {
			targets = append(targets, api.Logs{Project: s.project, Service: service, Lines: l.lines, Stream: l.kind})
		}
	}
	return targets, nil
}

// tail prints the last lines; of several services, in the order of time.
func (l *logs) tail(ctx context.Context, a *app, targets []api.Logs, style lineStyle) error {
	var lines []api.Line
	for _, target := range targets {
		conn, err := a.instance.another()
		if err != nil {
			return err
		}
		err = conn.Logs(ctx, target, func(line api.Line) error {
			lines = append(lines, line)
			return nil
		})
		_ = conn.Close()
		if err != nil {
			return err
		}
	}
	slices.SortStableFunc(lines, func(x, y api.Line) int { return at(x).Compare(at(y)) })
	for _, line := range lines {
		a.out.line(line, style)
	}
	return nil
}

// at is when a line was written. One without a readable time comes first.
func at(line api.Line) time.Time {
	when, _ := time.Parse(time.RFC3339Nano, line.Time)
	return when
}

// stream follows all targets until it is interrupted.
func (l *logs) stream(ctx context.Context, a *app, targets []api.Logs, style lineStyle) error {
	ctx, release := interruptible(ctx)
	defer release()
	var printing sync.Mutex
	var selections []selection
	for _, target := range targets {
		selections = append(selections, selection{project: target.Project, services: []string{target.Service}})
	}
	_, err := a.each(ctx, selections, func(ctx context.Context, conn *client.Conn, s selection) (api.Result, error) {
		target := api.Logs{Project: s.project, Service: s.services[0], Lines: l.lines, Stream: l.kind, Follow: true}
		return api.Result{}, conn.Logs(ctx, target, func(line api.Line) error {
			printing.Lock()
			defer printing.Unlock()
			a.out.line(line, style)
			return nil
		})
	})
	if ctx.Err() != nil {
		return nil
	}
	return err
}
