package main

import (
	"context"
	"errors"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
)

const startHelp = `Start the services of a manifest, and the supervisor if none runs.

Without --daemonize the project stays in the foreground: its output is shown,
and Ctrl-C stops it (exit code 130). With --daemonize it is left running, and
the command returns when every service is ready or has failed; --no-wait does
not wait for that. Starting what runs already changes nothing, and Ctrl-C then
leaves it running.

The manifest is the one of -c, else systemg.yaml or sysg.yaml in the working
directory, else in $XDG_CONFIG_HOME/systemg. Without any, -p or -s start what
the supervisor knows, as it was started last. What -p or -s, without -c, name of
a project that the supervisor knows is started in the background.

-s starts what the service depends on, too, unless --no-deps says not to; then
the service waits for nothing. It starts a service that the manifest skips.

With a COMMAND that command is run as a service of its own, here and at once:
sysg start --name worker -- ./worker --fast. All that follows the command's
first word belongs to it. In the system's instance --run-as says as whom:
sysg --sys start --run-as www-data -- ./worker.

With --child the COMMAND becomes a child of the service that the caller is in,
or that --parent-pid is in, and its pid is printed. The service's manifest has to
allow it (spawn: {mode: dynamic, limits: ...}).`

var startVerb = verb{
	name: "start", usage: "[COMMAND...]", short: "start a manifest's services, or a command", help: startHelp,
	program: true, installs: true, operates: true,
	setup: func(flags *pflag.FlagSet) action {
		s := start{}
		c := spawn{}
		flags.StringVarP(&s.config, "config", "c", "", "the manifest")
		s.scope.declare(flags)
		flags.BoolVar(&s.daemonize, "daemonize", false, "leave the services running and return")
		wait := flags.Bool("wait", true, "with --daemonize: return when they are ready or have failed")
		noWait := flags.Bool("no-wait", false, "with --daemonize: return at once")
		flags.BoolVar(&s.noDeps, "no-deps", false, "with -s: without what the service depends on")
		flags.StringVar(&s.name, "name", "", "with a COMMAND: what to call it")
		flags.StringVar(&s.runAs, "run-as", "", "with --sys and a COMMAND: the `user` that it runs as")
		flags.BoolVar(&s.stderr, "stderr", false, "in the foreground: the services' stderr on ours, as [service:stderr] line")
		c.declare(flags)
		return func(ctx context.Context, a *app, words []string) error {
			if c.meant(flags) {
				if s.runAs != "" {
					return &usage{"start", "a child runs as the user of its service, and takes no --run-as"}
				}
				return c.run(a, s.name, words)
			}
			s.wait = *wait && !*noWait
			if flags.Changed("wait") && *wait && *noWait {
				return &usage{"start", "--wait and --no-wait exclude each other"}
			}
			s.command = words
			if err := s.check(); err != nil {
				return err
			}
			return s.run(ctx, a)
		}
	},
}

// declare adds -s and -p.
func (s *scope) declare(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&s.services, "service", "s", nil, "only this service; NAME or PROJECT/NAME, may be repeated")
	flags.StringVarP(&s.project, "project", "p", "", "only this project")
}

type start struct {
	config          string
	scope           scope
	daemonize, wait bool
	noDeps, stderr  bool
	// name, command and runAs are for a command that is in no manifest.
	name, runAs string
	command     []string
	// known is set where the supervisor has the selected projects already.
	known bool
}

// check refuses flags that do not fit together.
func (s *start) check() error {
	named := s.config != "" || !s.scope.empty()
	switch {
	case len(s.command) == 1 && isManifest(s.command[0]):
		return &usage{"start", "unexpected word " + quoted(s.command[0]) + ", a manifest is named with -c"}
	case len(s.command) > 0 && (named || s.noDeps):
		return &usage{"start", "a command to run takes no -c, -s, -p or --no-deps"}
	case len(s.command) == 0 && s.name != "":
		return &usage{"start", "--name is for a command to run, and none is given"}
	case len(s.command) == 0 && s.runAs != "":
		return &usage{"start", "--run-as is for a command to run, and none is given: a manifest says user"}
	case s.noDeps && len(s.scope.services) == 0:
		return &usage{"start", "--no-deps is for -s"}
	}
	return nil
}

func (s *start) run(ctx context.Context, a *app) error {
	if a.operating && (s.config != "" || len(s.command) > 0) {
		return needsRoot("start")
	}
	if !a.system && s.runAs != "" {
		return &usage{"start", "--run-as is for --sys: the services of your own instance run as you"}
	}
	if !a.operating {
		if err := a.importSettings(); err != nil {
			return err
		}
	}
	if len(s.command) > 0 {
		if err := s.stage(a); err != nil {
			return err
		}
	}
	selections, numbers, err := s.prepare(ctx, a)
	if err != nil {
		return err
	}
	// Starting a part of what is there already is no reason to stay.
	attach := !s.daemonize && !(s.known && s.config == "" && !s.scope.empty())
	if attach {
		return s.foreground(ctx, a, selections, numbers)
	}
	if s.stderr {
		a.warn("--stderr is for the foreground; `sysg logs --kind stderr` shows what services write there")
	}
	if !s.wait {
		return s.begin(ctx, a, selections, numbers)
	}
	shown := newProgress(a.out)
	defer shown.end()
	result, err := a.each(ctx, selections, func(ctx context.Context, conn *client.Conn, sel selection) (api.Result, error) {
		return conn.Start(ctx, s.call(sel, numbers), shown.each())
	})
	shown.end()
	if err != nil {
		return err
	}
	return a.settle(selections, "started", result)
}

// call is what is asked of the supervisor for one selection.
func (s *start) call(sel selection, numbers map[string]int) api.Start {
	return api.Start{Project: sel.project, Services: sel.services, Generation: numbers[sel.project], NoDeps: s.noDeps}
}

// errAccepted leaves a call whose result nobody waits for.
var errAccepted = errors.New("accepted")

// begin returns at the first sign of life: what was wrong with the call itself
// has been said by then.
func (s *start) begin(ctx context.Context, a *app, selections []selection, numbers map[string]int) error {
	result, err := a.each(ctx, selections, func(ctx context.Context, conn *client.Conn, sel selection) (api.Result, error) {
		result, err := conn.Start(ctx, s.call(sel, numbers), func(api.Reply) error { return errAccepted })
		if errors.Is(err, errAccepted) {
			return api.Result{OK: true}, nil
		}
		return result, err
	})
	if err != nil {
		return err
	}
	result.Message = ""
	return a.settle(selections, "starting", result)
}
