package main

import (
	"context"
	"strings"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/paths"
)

// maxPage is how many lines of a log a page keeps.
const maxPage = 10_000

// logs shows the log of a unit, and what comes, on a page.
func (d *display) logs(ctx context.Context, unit api.Unit) {
	d.turn(&page{title: "the log of " + unit.Name, unit: unit, log: true, atEnd: true})
	ctx, d.closes = context.WithCancel(ctx)
	p, home := d.page, d.app.instance
	t := logTarget{project: unit.Project.ID, service: unit.Name}
	shown := &output{stdout: lineWriter(func(text string) {
		d.tell(ctx, func() { p.append(text, d.width) })
	})}
	go func() {
		t.journaled = home.shelf().journaled[t]
		v := &viewer{
			command: &logsCommand{lines: 100}, dir: paths.Logs(home.state), targets: []logTarget{t},
			out: shown, strip: true, style: withoutService,
		}
		if err := v.follow(ctx); err != nil && ctx.Err() == nil {
			d.tell(ctx, func() { d.message = err.Error() })
		}
	}()
}

// append adds a line, in as many as the screen needs for it.
func (p *page) append(text string, width int) {
	rest := []rune(strings.ReplaceAll(clean(text), "\t", "    "))
	for width > 0 && len(rest) > width {
		p.lines = append(p.lines, string(rest[:width]))
		rest = rest[width:]
	}
	p.lines = append(p.lines, string(rest))
	if over := len(p.lines) - maxPage; over > 0 {
		p.lines, p.top = p.lines[over:], max(p.top-over, 0)
	}
}

// lineWriter is told each line that is written, one a call.
type lineWriter func(text string)

// Write makes it an io.Writer.
func (w lineWriter) Write(text []byte) (int, error) {
	w(strings.TrimSuffix(string(text), "\n"))
	return len(text), nil
}
