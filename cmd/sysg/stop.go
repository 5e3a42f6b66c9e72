package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/paths"
)

const stopHelp = `Stop services, and return when nothing of them is left.

Without a selector every service of every project is stopped and the supervisor
stays. What depends on a stopped service keeps running. With -c the projects of
that manifest are meant. --supervisor also ends the supervisor and sysg-exec;
where systemd keeps them, the next command or boot starts them again, but no
service. Stopping what is stopped is no error.`

var stopVerb = verb{
	name: "stop", short: "stop services, or everything", help: stopHelp,
	setup: func(flags *pflag.FlagSet) action {
		s := stop{}
		s.declare(flags, "only the projects of this manifest")
		flags.BoolVar(&s.supervisor, "supervisor", false, "stop everything and end the supervisor")
		all := flags.Bool("all", false, "stop every service of every project, as without a selector")
		return func(ctx context.Context, a *app, _ []string) error {
			if *all && !s.scope.empty() {
				return &usage{"stop", "--all takes no -s or -p"}
			}
			return s.run(ctx, a)
		}
	},
}

// target is what -c, -p and -s say.
type target struct {
	config string
	scope  scope
}

// declare adds the three flags; use says what -c is for.
func (t *target) declare(flags *pflag.FlagSet, use string) {
	flags.StringVarP(&t.config, "config", "c", "", use)
	t.scope.declare(flags)
}

func (t *target) empty() bool { return t.config == "" && t.scope.empty() }

type stop struct {
	target
	supervisor bool
}

func (s *stop) run(ctx context.Context, a *app) error {
	if s.supervisor && !s.empty() {
		return &api.Diagnostic{
			Code: api.CodeConflict, Title: "--supervisor stops everything and takes no -s, -p or -c",
			Help: []api.Help{{Label: "stop one project", Command: "sysg stop -p PROJECT"}},
		}
	}
	a.hurried = s.supervisor
	conn, err := a.reach()
	if isCode(err, api.CodeNotAnswering) && s.supervisor {
		conn, err = a.thaw()
	}
	if isCode(err, api.CodeNoSupervisor) {
		return s.nobody(a)
	}
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if conn.Patience.Limit, err = a.commandWait(); err != nil {
		return err
	}
	if s.supervisor {
		return s.shutdown(ctx, a, conn)
	}
	return s.stop(ctx, a, conn)
}

func (s *stop) stop(ctx context.Context, a *app, conn *client.Conn) error {
	snapshot, err := conn.Status(ctx, api.Status{})
	if err != nil {
		return err
	}
	selections, err := s.selections(snapshot)
	if err != nil {
		return err
	}
	shown := newProgress(a.out)
	defer shown.end()
	var result api.Result
	if s.empty() {
		selections = nil
		result, err = conn.Stop(ctx, api.Stop{}, shown.each())
	} else {
		result, err = a.each(ctx, selections, func(ctx context.Context, conn *client.Conn, sel selection) (api.Result, error) {
			return conn.Stop(ctx, api.Stop{Project: sel.project, Services: sel.services}, shown.each())
		})
	}
	shown.end()
	if err != nil {
		return err
	}
	return a.settle(selections, "stopped", result)
}

// selections are what the flags mean. A manifest is not read for it: it may be
// broken, and what runs is what it was when it was started.
func (s *stop) selections(snapshot api.Snapshot) ([]selection, error) {
	known := catalogueOf(snapshot)
	if s.config == "" {
		return s.scope.resolve(known)
	}
	path, err := filepath.Abs(s.config)
	if err != nil {
		return nil, fmt.Errorf("cannot tell where %q is: %w", s.config, err)
	}
	from := catalogue{}
	for _, unit := range snapshot.Units {
		if unit.Project.ConfigPath == path {
			from[unit.Project.ID] = known[unit.Project.ID]
		}
	}
	if len(from) == 0 {
		return nil, &api.Diagnostic{Code: api.CodeUnknownUnit, Title: fmt.Sprintf("no project was started from %q", path),
			Help: []api.Help{{Label: "see what was", Command: "sysg status"}}}
	}
	return s.scope.resolve(from)
}

// nobody is a stop without a supervisor: everything is stopped, but a name
// that nobody has heard of means nothing.
func (s *stop) nobody(a *app) error {
	if s.scope.project != "" {
		return &api.Diagnostic{
			Code: api.CodeUnknownUnit, Title: fmt.Sprintf("no project %q: no supervisor is running", s.scope.project),
			Help: noSupervisor().Help,
		}
	}
	selections := []selection{{}}
	if len(s.scope.services) > 0 {
		found, err := s.scope.resolve(a.installed())
		if err != nil {
			return err
		}
		selections = found
	}
	if a.instance != nil {
		a.instance.sweep()
	}
	message := "No supervisor is running"
	if len(s.scope.services) > 0 {
		message = sentence(selections, "stopped", "")
	}
	a.out.success(api.Result{OK: true, Message: message})
	return nil
}

// installed is what is in the store, for when there is nobody to ask.
func (a *app) installed() catalogue {
	store := generation.Store{Dir: paths.Generations(a.instance.state)}
	known := catalogue{}
	projects, _ := store.Projects()
	for _, project := range projects {
		number, err := store.Active(project)
		if err != nil {
			continue
		}
		supervise, err := store.Supervise(project, number)
		if err != nil {
			continue
		}
		for _, service := range supervise.Services {
			known[project] = append(known[project], service.Name)
		}
	}
	return known
}

// shutdown ends both daemons and returns when they are gone.
func (s *stop) shutdown(ctx context.Context, a *app, conn *client.Conn) error {
	shown := newProgress(a.out)
	defer shown.end()
	result, err := conn.Shutdown(ctx, shown.each())
	shown.end()
	if err != nil {
		return err
	}
	if !result.OK {
		return failuresFrom(result.Failed)
	}
	if err := a.instance.awaitEnd(conn); err != nil {
		return err
	}
	a.instance.sweep()
	result.Message = "Supervisor stopped"
	a.out.success(result)
	return nil
}
