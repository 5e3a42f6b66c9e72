package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
	"systemg.org/sysg/pkg/version"
)

var versionVerb = verb{
	name: "version", short: "show the versions of sysg and of the supervisor",
	help:    "Show the version of sysg, and that of the supervisor if one runs.\nNothing is started for it.",
	offline: true,
	setup: func(*pflag.FlagSet) action {
		return func(ctx context.Context, a *app, _ []string) error { return showVersion(ctx, a) }
	},
}

// versions has the older program's fields; null where no supervisor runs.
type versions struct {
	CLI        string  `json:"cli"`
	Supervisor *string `json:"supervisor"`
	PID        *int    `json:"supervisor_pid"`
	Binary     *string `json:"supervisor_binary"`
}

func showVersion(ctx context.Context, a *app) error {
	if err := a.meet(ctx); err != nil {
		return err
	}
	v := a.versions()
	switch {
	case a.out.json:
		a.out.printJSON(v)
	case v.Supervisor == nil:
		fmt.Fprintf(a.out.stdout, "sysg %s (no supervisor running)\n", v.CLI)
	default:
		fmt.Fprintf(a.out.stdout, "sysg %s (supervisor %s, pid %d, %s)\n", v.CLI, *v.Supervisor, *v.PID, *v.Binary)
	}
	if v.Supervisor != nil && *v.Supervisor != v.CLI {
		a.warn("sysg and the supervisor are of different versions; `sysg restart` without a selector replaces the supervisor")
	}
	return nil
}

// meet asks the supervisor who it is, if there is one, and brings none back.
func (a *app) meet(ctx context.Context) error {
	home, err := a.home()
	if err != nil {
		return nil // without a home there is no supervisor to ask
	}
	for _, dir := range home.runtimes {
		conn, err := client.Dial(sysgd.socketIn(dir))
		if err != nil {
			continue
		}
		defer func() { _ = conn.Close() }()
		a.supervisor, err = conn.Identify(ctx)
		if isCode(err, api.CodeInternal) { // it is older than the question
			info, err := conn.Info(ctx)
			a.supervisor = api.Identity{Version: info.Version}
			return err
		}
		return err
	}
	return nil
}

// drifted says whether the supervisor that answered is of another version.
func (a *app) drifted() bool {
	return a.supervisor.PID != 0 && a.supervisor.Version != version.Version
}
