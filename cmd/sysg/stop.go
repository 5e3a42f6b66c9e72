package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
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
		flags.StringVarP(&s.config, "config", "c", "", "only the projects of this manifest")
		s.scope.declare(flags)
		flags.BoolVar(&s.supervisor, "supervisor", false, "stop everything and end the supervisor")
		return func(ctx context.Context, a *app, _ []string) error { return s.run(ctx, a) }
	},
}

type stop struct {
	config     string
	scope      scope
	supervisor bool
}

func (s *stop) run(ctx context.Context, a *app) error {
	if s.supervisor && (!s.scope.empty() || s.config != "") {
		return &api.Diagnostic{
			Code: api.CodeConflict, Title: "--supervisor stops everything and takes no -s, -p or -c",
			Help: []api.Help{{Label: "stop one project", Command: "sysg stop -p PROJECT"}},
		}
	}
	conn, err := a.reach()
	if isCode(err, api.CodeNoSupervisor) {
		return s.nobody(a)
	}
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if s.supervisor {
		return s.shutdown(ctx, a, conn)
	}
	snapshot, err := conn.Status(ctx, api.Status{})
	if err != nil {
		return err
	}
	selections, err := s.selections(snapshot)
	if err != nil {
		return err
	}
	shown := newProgress(a.out)
	if s.scope.empty() && s.config == "" {
		result, err := conn.Stop(ctx, api.Stop{}, shown.each())
		if err != nil {
			return err
		}
		return a.settle(nil, "stopped", result)
	}
	result, err := a.each(ctx, selections, func(ctx context.Context, conn *client.Conn, sel selection) (api.Result, error) {
		return conn.Stop(ctx, api.Stop{Project: sel.project, Services: sel.services}, shown.each())
	})
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
// that was given means nothing to anybody.
func (s *stop) nobody(a *app) error {
	switch {
	case s.scope.project != "":
		return &api.Diagnostic{
			Code: api.CodeUnknownUnit, Title: fmt.Sprintf("no project %q: no supervisor is running", s.scope.project),
			Help: noSupervisor().Help,
		}
	case len(s.scope.services) > 0:
		return &api.Diagnostic{
			Code: api.CodeUnknownUnit, Title: fmt.Sprintf("no service %q: no supervisor is running", s.scope.services[0]),
			Help: noSupervisor().Help,
		}
	}
	if a.instance != nil {
		a.instance.sweep()
	}
	a.out.success(api.Result{OK: true, Message: "No supervisor is running"})
	return nil
}

// shutdown ends both daemons and returns when they are gone.
func (s *stop) shutdown(ctx context.Context, a *app, conn *client.Conn) error {
	result, err := conn.Shutdown(ctx, newProgress(a.out).each())
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
