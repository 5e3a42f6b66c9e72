package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
	"systemg.org/sysg/pkg/spec"
)

const inspectHelp = `Show one service in full: its state, its processes, what it uses.

What was measured is kept where the manifest has metrics, and while --stream
lasts; --live measures now. --stream shows it anew each time that has passed, and
says how far back samples go (5s). On a terminal s then starts the service, x stops it, r
restarts it, and Escape leaves.

--exec shows instead what its next launch will do, in order, to the last step
before the program: as whom it runs, with which limits, in which namespaces.
--role says for which of its commands (main). Variables are named, and their
values are not shown.

Exit code: 0 if it is healthy or idle, 1 if it is worth a look, 2 if it is
failing.`

var inspectVerb = verb{
	name: "inspect", asks: true, xml: true, short: "show one service in full", help: inspectHelp,
	setup: func(flags *pflag.FlagSet) action {
		i := inspect{}
		flags.StringVarP(&i.config, "config", "c", "", "its manifest, where several projects have the name")
		flags.StringVarP(&i.project, "project", "p", "", "its project")
		flags.StringVarP(&i.service, "service", "s", "", "the service; PROJECT/SERVICE is unique")
		flags.BoolVar(&i.live, "live", false, "measure now")
		flags.StringVar(&i.stream, "stream", "", "show it anew each time this has passed: 5, 1s, 2m")
		flags.BoolVar(&i.exec, "exec", false, "show what a launch of it does, step by step")
		flags.StringVar(&i.role, "role", string(spec.RoleMain), "with --exec: of this command of it, such as main, pre_start or health")
		return func(ctx context.Context, a *app, _ []string) error { return i.run(ctx, a) }
	},
}

type inspect struct {
	config, project, service string
	live, exec               bool
	role                     string
	stream                   string
}

// inspectWindow is how far back samples go where --stream does not say.
const inspectWindow = 5 * time.Second

func (i *inspect) run(ctx context.Context, a *app) error {
	pause, err := parsePause(i.stream)
	switch {
	case err != nil:
		return &usage{"inspect", err.Error()}
	case i.service == "":
		return &usage{"inspect", "which service? It is named with -s"}
	}
	conn, err := a.reach()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	params, err := i.target(ctx, conn)
	if isCode(err, api.CodeUnknownUnit) && pause > 0 {
		return &withCode{err, failing}
	}
	if err != nil {
		return err
	}
	if i.exec {
		steps, err := outlineOf(a.instance.state, params, spec.Role(i.role))
		if err != nil {
			return err
		}
		return steps.print(a.out)
	}
	params.Live, params.Samples = i.live, samplesIn(pause)
	if pause > 0 {
		params.StreamMillis = int(pause.Milliseconds())
		if a.interactive() {
			return watchUnit(ctx, a, params)
		}
		return i.repeat(ctx, a, conn, params)
	}
	inspection, err := conn.Inspect(ctx, params, nil)
	if err != nil {
		return err
	}
	if err := i.print(a.out, inspection); err != nil {
		return err
	}
	return verdictOn(inspection)
}

// samplesIn is how many samples are shown for a window, as in the older program.
func samplesIn(pause time.Duration) int {
	window := pause
	if window == 0 {
		window = inspectWindow
	}
	if window >= time.Hour {
		return 720
	}
	return max(int(window.Seconds()), 1)
}

// target finds out which service is meant.
func (i *inspect) target(ctx context.Context, conn *client.Conn) (api.Inspect, error) {
	snapshot, err := conn.Status(ctx, api.Status{})
	if err != nil {
		return api.Inspect{}, err
	}
	if i.config != "" {
		path, err := filepath.Abs(i.config)
		if err != nil {
			return api.Inspect{}, fmt.Errorf("cannot tell where %q is: %w", i.config, err)
		}
		snapshot.Units = keep(snapshot.Units, func(u api.Unit) bool { return u.Project.ConfigPath == path })
	}
	selections, err := scope{i.project, []string{i.service}}.resolve(catalogueOf(snapshot))
	if err != nil {
		return api.Inspect{}, err
	}
	return api.Inspect{Project: selections[0].project, Service: selections[0].services[0]}, nil
}

func (i *inspect) print(out *output, inspection api.Inspection) error {
	if out.machine() {
		return out.print("inspection", inspection)
	}
	fmt.Fprint(out.stdout, renderInspection(inspection, out.width, out.colour))
	return nil
}

// repeat prints it again and again, until it is interrupted.
func (i *inspect) repeat(ctx context.Context, a *app, conn *client.Conn, params api.Inspect) error {
	ctx, release := interruptible(ctx)
	defer release()
	var verdict error
	_, err := conn.Inspect(ctx, params, func(inspection api.Inspection) error {
		a.out.repaint()
		verdict = verdictOn(inspection)
		return errors.Join(i.print(a.out, inspection), a.out.broken())
	})
	if ctx.Err() != nil {
		return verdict
	}
	return err
}

// verdictOn is how inspect ends for what it has shown.
func verdictOn(inspection api.Inspection) error {
	if inspection.Unit == nil {
		return exit(failing)
	}
	switch inspection.Unit.Health {
	case "warn":
		return exit(failed)
	case "failing":
		return exit(failing)
	}
	return nil
}
