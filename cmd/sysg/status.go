package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
)

const statusHelp = `Show the state of services.

On a terminal that is an interactive table: arrows move, i inspects, h explains
the health, l shows the log, r restarts, q leaves. Elsewhere, and with --plain
or --format, it is printed; --format json prints status.v1.

What is shown is always of this moment. Without a supervisor, -c shows what was
last known of the projects of that manifest.

Exit code: 0 if all is healthy or idle, 1 if something is worth a look or there
is nothing to show, 2 if something is failing, or nobody is there to ask.`

var statusVerb = verb{
	name: "status", asks: true, xml: true, short: "show the state of services", help: statusHelp,
	setup: func(flags *pflag.FlagSet) action {
		s := status{}
		flags.StringVarP(&s.config, "config", "c", "", "only the projects of this manifest")
		s.scope.declare(flags)
		flags.BoolVar(&s.all, "all", false, "also what no manifest has any more")
		flags.BoolVar(&s.fullCommand, "full-cmd", false, "do not shorten commands")
		flags.StringVar(&s.stream, "stream", "", "show it anew each time this has passed: 5, 1s, 2m")
		flags.Bool("live", false, "ask the kernel now, which is always done")
		_ = flags.MarkHidden("live")
		return func(ctx context.Context, a *app, _ []string) error { return s.run(ctx, a) }
	},
}

type status struct {
	config      string
	scope       scope
	all         bool
	fullCommand bool
	stream      string
	// offline is set where the snapshot comes from files.
	offline bool
}

func (s *status) run(ctx context.Context, a *app) error {
	pause, err := parsePause(s.stream)
	if err != nil {
		return &usage{"status", err.Error()}
	}
	conn, err := a.reach()
	if err != nil {
		if isCode(err, api.CodeNoSupervisor) && s.config != "" {
			return s.leftBehind(a, err)
		}
		return err
	}
	defer func() { _ = conn.Close() }()
	switch {
	case a.interactive():
		return s.watchTable(ctx, a, pause)
	case pause > 0:
		return s.repeat(ctx, a, conn, pause)
	}
	if a.out.json && s.config == "" && !s.all && s.scope.project == "" && len(s.scope.services) == 0 {
		if done, err := s.passOn(ctx, a, conn); done {
			return err
		}
	}
	snapshot, err := conn.Status(ctx, api.Status{All: s.all, Detail: a.out.machine()})
	if err != nil {
		return err
	}
	return s.show(a, &snapshot)
}

// passOn prints a snapshot as the supervisor wrote it, where nothing is to be
// left out: of hundreds of services, to read it and to write it again takes
// longer than to make it. It is not done where that has to be explained.
func (s *status) passOn(ctx context.Context, a *app, conn *client.Conn) (done bool, err error) {
	text, err := conn.StatusText(ctx, api.Status{Detail: true})
	if err != nil {
		return true, err
	}
	head, err := headOf(text)
	if err != nil || len(head.Units) == 0 {
		return false, nil
	}
	_, _ = a.out.stdout.Write(append(text, '\n')) // It remembers what went wrong.
	return true, verdictOf(head)
}

// headOf is what a snapshot begins with, up to its first unit.
func headOf(text []byte) (head api.Snapshot, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if _, err := decoder.Token(); err != nil {
		return head, err
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return head, err
		}
		if key == "units" {
			if _, err := decoder.Token(); err == nil && decoder.More() {
				head.Units = []api.Unit{{}}
			}
			return head, nil
		}
		value := ""
		if err := decoder.Decode(&value); err != nil {
			return head, err
		}
		if key == "overall_health" {
			head.OverallHealth = value
		}
	}
	return head, nil
}

// show prints one snapshot, and judges it.
func (s *status) show(a *app, snapshot *api.Snapshot) error {
	if s.all {
		snapshot.Units = append(snapshot.Units, orphans(a, *snapshot)...)
	}
	if err := s.narrow(snapshot); err != nil {
		return err
	}
	if err := s.print(a.out, *snapshot); err != nil {
		return err
	}
	return verdictOf(*snapshot)
}

// verdictOf is how status ends for what it has shown.
func verdictOf(snapshot api.Snapshot) error {
	switch {
	case len(snapshot.Units) == 0 || snapshot.OverallHealth == "warn":
		return exit(failed)
	case snapshot.OverallHealth == "failing":
		return exit(failing)
	default:
		return nil
	}
}

// repeat prints a snapshot again and again, until it is interrupted.
func (s *status) repeat(ctx context.Context, a *app, conn *client.Conn, pause time.Duration) error {
	ctx, release := interruptible(ctx)
	defer release()
	var verdict error
	params := api.Status{All: s.all, Detail: a.out.machine(), StreamMillis: int(pause.Milliseconds())}
	err := conn.Watch(ctx, params, func(snapshot api.Snapshot) error {
		a.out.repaint()
		verdict = s.show(a, &snapshot)
		var code exit
		if verdict != nil && !errors.As(verdict, &code) {
			return verdict
		}
		return a.out.broken()
	})
	if ctx.Err() != nil {
		return verdict
	}
	return err
}

// leftBehind shows what the state files say, and why it is no more than that.
func (s *status) leftBehind(a *app, why error) error {
	home, err := a.home()
	if err != nil {
		return err
	}
	s.offline = true
	a.explain(why)
	snapshot := offlineSnapshot(home.state, s.all)
	if err := s.narrow(&snapshot); err != nil {
		return err
	}
	if err := s.print(a.out, snapshot); err != nil {
		return err
	}
	return exit(offline)
}

// narrow leaves the units that are meant. That a name means nothing is for the
// reader to see, not an error; that it means several things is one.
func (s *status) narrow(snapshot *api.Snapshot) error {
	if s.config != "" {
		path, err := filepath.Abs(s.config)
		if err != nil {
			return fmt.Errorf("cannot tell where %q is: %w", s.config, err)
		}
		snapshot.Units = keep(snapshot.Units, func(u api.Unit) bool { return u.Project.ConfigPath == path })
	}
	if !s.scope.empty() {
		selections, err := s.scope.resolve(catalogueOf(*snapshot))
		switch {
		case isCode(err, api.CodeUnknownUnit):
			snapshot.Units = nil
		case isCode(err, api.CodeAmbiguous):
			return &withCode{err, ambiguity}
		case err != nil:
			return err
		default:
			snapshot.Units = keep(snapshot.Units, func(u api.Unit) bool { return selected(u, selections) })
		}
	}
	snapshot.OverallHealth = overall(snapshot.Units)
	return nil
}

func keep(units []api.Unit, wanted func(api.Unit) bool) []api.Unit {
	return slices.DeleteFunc(slices.Clone(units), func(u api.Unit) bool { return !wanted(u) })
}

func selected(unit api.Unit, selections []selection) bool {
	return slices.ContainsFunc(selections, func(s selection) bool {
		return s.project == unit.Project.ID && (len(s.services) == 0 || slices.Contains(s.services, unit.Name))
	})
}

// overall is the health of the worst unit; without any there is a reason to
// wonder.
func overall(units []api.Unit) string {
	worst := "healthy"
	if len(units) == 0 {
		worst = "warn"
	}
	for _, unit := range units {
		switch {
		case unit.Health == "failing":
			return "failing"
		case unit.Health == "warn":
			worst = "warn"
		}
	}
	return worst
}

func (s *status) print(out *output, snapshot api.Snapshot) error {
	if out.machine() {
		return out.print("status", snapshot)
	}
	if len(snapshot.Units) == 0 {
		text := "No units being supervised"
		if !s.scope.empty() || s.config != "" {
			text = "No matching units found."
		}
		fmt.Fprintln(out.stdout, text)
		return nil
	}
	width := 40
	switch {
	case s.fullCommand:
		width = 0
	case out.stdoutTTY:
		width = max(out.width-statusWidth, 12)
	}
	title := strings.ToUpper(snapshot.OverallHealth)
	if s.offline {
		title = "OFFLINE"
	}
	fmt.Fprint(out.stdout, renderStatus(snapshot, title, width, out.colour, out.draws))
	return nil
}

// tally counts words, in the order of their first appearance.
func tally(units []api.Unit, word func(api.Unit) string) string {
	var order []string
	counts := map[string]int{}
	for _, unit := range units {
		w := word(unit)
		if counts[w] == 0 {
			order = append(order, w)
		}
		counts[w]++
	}
	for i, w := range order {
		order[i] = fmt.Sprintf("%d %s", counts[w], w)
	}
	return strings.Join(order, ", ")
}
