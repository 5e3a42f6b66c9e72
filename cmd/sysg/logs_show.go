package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/logs"
	"systemg.org/sysg/pkg/order"
	"systemg.org/sysg/pkg/paths"
)

// show prints lines: to the end, or on and on.
func (l *logsCommand) show(ctx context.Context, a *app, home *instance, targets []logTarget) error {
	if l.supervisor {
		if err := home.ownLogExists(); err != nil {
			return err
		}
	}
	v := &viewer{command: l, dir: paths.Logs(home.state), targets: targets, out: a.out, strip: l.strips(a), style: withoutService}
	switch {
	case l.raw:
		v.style = raw
	case len(targets) > 1:
		v.style = withService
	}
	switch {
	case l.interval > 0:
		return v.repeat(ctx)
	case l.followed(a):
		return v.follow(ctx)
	}
	return a.out.paged(func(out *output) error {
		v.out = out
		return v.once(ctx)
	})
}

// followed decides whether to go on with what comes. An agent and
// SYSTEMG_TAIL_MODE=oneshot outrank --follow, as they did in systemg 0.66: who
// sets them cannot press Ctrl-C.
func (l *logsCommand) followed(a *app) bool {
	switch {
	case a.out.plain || a.env("SYSTEMG_TAIL_MODE") == "oneshot":
		return false
	case l.follow || l.noFollow:
		return l.follow
	case l.unbounded() || l.until != "":
		return false
	default:
		return a.out.draws
	}
}

// strips decides whether lines lose their colours.
func (l *logsCommand) strips(a *app) bool {
	if l.strip || l.noStrip {
		return l.strip
	}
	return a.out.json || l.raw || !a.out.stdoutTTY
}

// unbounded: what is asked for has an end of its own, so that a number of lines
// was not meant unless it was given.
func (l *logsCommand) unbounded() bool {
	return !l.counted && (l.all || l.since != "" || l.until != "" || l.invocation != "")
}

func (i *instance) ownLogExists() error {
	path := i.supervisorLog()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	journal := "journalctl -u sysgd -u sysg-exec"
	if !i.system {
		journal = "journalctl --user -u sysgd -u sysg-exec"
	}
	return &api.Diagnostic{
		Code: api.CodeUnknownUnit, Title: "the supervisor has no log: it never ran here, or systemd keeps what it says",
		Notes: []string{"there is no " + path},
		Help:  append([]api.Help{{Label: "what systemd keeps", Command: journal}}, noSupervisor().Help...),
	}
}

// viewer shows the lines of some logs.
type viewer struct {
	command *logsCommand
	dir     string
	targets []logTarget
	out     *output
	strip   bool
	style   lineStyle
	// broken says that nobody takes what is printed any more.
	broken func() bool
}

// print prints a line of one of the targets.
func (v *viewer) print(t logTarget, line logs.Line) {
	shown := api.Line{Project: t.project, Service: t.service, Stream: line.Stream, Text: line.Text}
	if !line.Time.IsZero() {
		shown.Time = line.Time.UTC().Format(logs.TimeLayout)
	}
	if v.strip {
		shown.Text = logs.StripANSI(shown.Text)
	}
	v.out.line(shown, v.style)
}

// once prints what there is.
func (v *viewer) once(ctx context.Context) error {
	buffered := *v.out
	writer := bufio.NewWriter(v.out.stdout)
	buffered.stdout = writer
	before := v.out
	v.out = &buffered
	defer func() { v.out = before }()
	v.broken = func() bool { _, err := writer.Write(nil); return err != nil }
	var err error
	if v.command.unbounded() {
		err = v.history(ctx)
	} else {
		_, err = v.tail(ctx)
	}
	return errors.Join(err, writer.Flush())
}

// placed is a line and whose it is.
type placed struct {
	logs.Line
	of logTarget
}

// tail prints the last lines; of several services, in the order of time. It
// returns where each log goes on.
func (v *viewer) tail(ctx context.Context) ([]logs.Followed, error) {
	var all []placed
	var ends []logs.Followed
	for _, t := range v.targets {
		lines, position, err := logs.Tail(v.dir, t.project, t.service, v.count(), v.command.query)
		if err != nil {
			return nil, err
		}
		if t.journaled {
			journaled, err := journalTail(ctx, t, v.count(), v.command.query)
			if err != nil {
				return nil, err
			}
			lines = lastOf(append(journaled, lines...), v.count())
		}
		for _, line := range lines {
			all = append(all, placed{line, t})
		}
		ends = append(ends, logs.Followed{Project: t.project, Service: t.service, From: position})
	}
	order.By(all, func(x, y *placed) int { return x.Time.Compare(y.Time) })
	for _, line := range all {
		v.print(line.of, line.Line)
	}
	return ends, nil
}

// count is how many lines of each log.
func (v *viewer) count() int {
	if v.command.unbounded() {
		return math.MaxInt
	}
	return v.command.lines
}

// lastOf are the last n lines in the order of time.
func lastOf(lines []logs.Line, n int) []logs.Line {
	order.By(lines, func(x, y *logs.Line) int { return x.Time.Compare(y.Time) })
	return lines[max(len(lines)-n, 0):]
}

// repeat shows the last lines anew every so often, until it is interrupted.
func (v *viewer) repeat(ctx context.Context) error {
	ctx, release := interruptible(ctx)
	defer release()
	for {
		if v.out.draws {
			fmt.Fprint(v.out.stdout, "\x1b[H\x1b[2J\x1b[3J")
		}
		if err := v.once(ctx); err != nil {
			return err
		}
		pause := time.NewTimer(v.command.interval)
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil
		case <-pause.C:
		}
	}
}
