package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
	"systemg.org/sysg/pkg/generation"
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
a project that the supervisor knows is started in the background.`

var startVerb = verb{
	name: "start", short: "start a manifest's services", help: startHelp,
	setup: func(flags *pflag.FlagSet) action {
		s := start{}
		flags.StringVarP(&s.config, "config", "c", "", "the manifest")
		s.scope.declare(flags)
		flags.BoolVar(&s.daemonize, "daemonize", false, "leave the services running and return")
		wait := flags.Bool("wait", true, "with --daemonize: return when they are ready or have failed")
		noWait := flags.Bool("no-wait", false, "with --daemonize: return at once")
		return func(ctx context.Context, a *app, _ []string) error {
			s.wait = *wait && !*noWait
			if flags.Changed("wait") && *wait && *noWait {
				return &usage{"start", "--wait and --no-wait exclude each other"}
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
	// known is set where the supervisor has the selected projects already.
	known bool
}

func (s *start) run(ctx context.Context, a *app) error {
	selections, numbers, err := s.prepare(ctx, a)
	if err != nil {
		return err
	}
	// Starting a part of what is there already is no reason to stay.
	attach := !s.daemonize && !(s.known && s.config == "" && !s.scope.empty())
	if attach {
		return a.foreground(ctx, selections, numbers)
	}
	if !s.wait {
		return s.begin(ctx, a, selections, numbers)
	}
	shown := newProgress(a.out)
	result, err := a.each(ctx, selections, func(ctx context.Context, conn *client.Conn, sel selection) (api.Result, error) {
		return conn.Start(ctx, sel.start(numbers), shown.each())
	})
	if err != nil {
		return err
	}
	return a.settle(selections, "started", result)
}

func (s selection) start(numbers map[string]int) api.Start {
	return api.Start{Project: s.project, Services: s.services, Generation: numbers[s.project]}
}

// errAccepted leaves a call whose result nobody waits for.
var errAccepted = errors.New("accepted")

// begin returns at the first sign of life: what was wrong with the call itself
// has been said by then.
func (s *start) begin(ctx context.Context, a *app, selections []selection, numbers map[string]int) error {
	result, err := a.each(ctx, selections, func(ctx context.Context, conn *client.Conn, sel selection) (api.Result, error) {
		result, err := conn.Start(ctx, sel.start(numbers), func(api.Reply) error { return errAccepted })
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

// prepare finds what is meant, makes the daemons run, and installs what the
// manifest says. What is not in numbers starts as it was installed last.
func (s *start) prepare(ctx context.Context, a *app) ([]selection, map[string]int, error) {
	path, err := a.findManifest(s.config)
	if err != nil {
		return nil, nil, err
	}
	if path == "" {
		selections, err := s.recorded(ctx, a, noManifest())
		return selections, nil, err
	}
	generations, err := a.load(path)
	if err != nil {
		return nil, nil, err
	}
	known := catalogueOfManifest(generations)
	selections, err := s.scope.resolve(known)
	if isCode(err, api.CodeUnknownUnit) && s.config == "" {
		// The manifest here is another one's; perhaps the supervisor knows.
		selections, err = s.recorded(ctx, a, s.mismatch(path, known, err))
		return selections, nil, err
	}
	if err != nil {
		return nil, nil, s.mismatch(path, known, err)
	}
	return s.raise(ctx, a, generations, selections)
}

func (s *start) raise(ctx context.Context, a *app, generations []generation.Generation, selections []selection) ([]selection, map[string]int, error) {
	home, err := a.home()
	if err != nil {
		return nil, nil, err
	}
	conn, err := home.raise()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = conn.Close() }()
	snapshot, err := conn.Status(ctx, api.Status{})
	if err != nil {
		return nil, nil, err
	}
	s.recognise(selections, catalogueOf(snapshot))
	numbers, err := a.install(generations, selections)
	return selections, numbers, err
}

// recognise notes whether the supervisor has all the selected projects.
func (s *start) recognise(selections []selection, known catalogue) {
	s.known = !slices.ContainsFunc(selections, func(sel selection) bool {
		_, exists := known[sel.project]
		return !exists
	})
}

// mismatch says that -p names a project that the manifest does not have.
func (s *start) mismatch(path string, known catalogue, err error) error {
	if _, exists := known[s.scope.project]; s.scope.project == "" || exists {
		return err
	}
	unknown := unknownProject(s.scope.project, known)
	return &api.Diagnostic{
		Code: api.CodeProjectMismatch, Notes: unknown.Notes,
		Title: fmt.Sprintf("%s has no project %q", path, s.scope.project),
	}
}

// recorded finds what -p and -s mean among what the supervisor knows. Where
// that does not help either, the answer is otherwise.
func (s *start) recorded(ctx context.Context, a *app, otherwise error) ([]selection, error) {
	if s.scope.empty() {
		return nil, otherwise
	}
	conn, err := a.reach()
	if isCode(err, api.CodeNoSupervisor) {
		return nil, otherwise
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	snapshot, err := conn.Status(ctx, api.Status{})
	if err != nil {
		return nil, err
	}
	selections, err := s.scope.resolve(catalogueOf(snapshot))
	s.known = err == nil
	if isCode(err, api.CodeUnknownUnit) && !isCode(otherwise, api.CodeNoManifest) {
		return nil, otherwise
	}
	return selections, err
}

// names are the projects of selections, for a sentence.
func names(selections []selection) string {
	var quoted []string
	for _, s := range selections {
		quoted = append(quoted, "'"+s.project+"'")
	}
	return strings.Join(quoted, ", ")
}
