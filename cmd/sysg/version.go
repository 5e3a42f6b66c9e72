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
	help: "Show the version of sysg, and that of the supervisor if one runs.\nNothing is started for it.",
	setup: func(*pflag.FlagSet) action {
		return func(ctx context.Context, a *app, _ []string) error { return showVersion(ctx, a) }
	},
}

// versions has the older program's field; null where no supervisor runs.
type versions struct {
	CLI        string  `json:"cli"`
	Supervisor *string `json:"supervisor"`
}

func showVersion(ctx context.Context, a *app) error {
	v := versions{CLI: version.Version}
	if running, err := a.supervisorVersion(ctx); err != nil {
		return err
	} else if running != "" {
		v.Supervisor = &running
	}
	switch {
	case a.out.json:
		a.out.printJSON(v)
	case v.Supervisor == nil:
		fmt.Fprintf(a.out.stdout, "sysg %s (no supervisor running)\n", v.CLI)
	default:
		fmt.Fprintf(a.out.stdout, "sysg %s (supervisor %s)\n", v.CLI, *v.Supervisor)
	}
	if v.Supervisor != nil && *v.Supervisor != v.CLI {
		a.out.diagnostic("warning", api.Diagnostic{
			Code: api.CodeInternal, Title: "sysg and the supervisor are of different versions",
			Help: []api.Help{{Label: "end the old one, and start again", Command: "sysg stop --supervisor"}},
		})
	}
	return nil
}

// supervisorVersion asks the supervisor if there is one, and brings none back.
func (a *app) supervisorVersion(ctx context.Context) (string, error) {
	home, err := a.home()
	if err != nil {
		return "", nil // without a home there is no supervisor to ask
	}
	for _, dir := range home.runtimes {
		conn, err := client.Dial(sysgd.socketIn(dir))
		if err != nil {
			continue
		}
		defer func() { _ = conn.Close() }()
		info, err := conn.Info(ctx)
		return info.Version, err
	}
	return "", nil
}
