package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"systemg.org/sysg/pkg/api"
)

// progress shows how services get on: as rows that change in place on a
// terminal, as lines with -v elsewhere, and otherwise not at all. It is drawn
// anew when something happened, not by the clock. Calls may come from several
// goroutines.
type progress struct {
	out *output

	mu    sync.Mutex
	rows  []api.Progress
	drawn int // lines on the screen
}

func newProgress(out *output) *progress { return &progress{out: out} }

// each is what to call with the replies of a mutation: nil where nothing is
// shown, which spares the daemon the telling.
func (p *progress) each() func(api.Reply) error {
	if p.out.draws || p.out.verbose && !p.out.json {
		return p.step
	}
	return nil
}

// step takes one reply of a mutation.
func (p *progress) step(reply api.Reply) error {
	if reply.Progress == nil {
		return nil
	}
	step := *reply.Progress
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.out.draws:
		p.put(step)
		fmt.Fprint(p.out.stdout, p.frame())
	case p.out.verbose && !p.out.json:
		fmt.Fprintln(p.out.stdout, stepLine(step))
	}
	return nil
}

func (p *progress) put(step api.Progress) {
	i := slices.IndexFunc(p.rows, func(r api.Progress) bool { return r.Project == step.Project && r.Service == step.Service })
	if i < 0 {
		p.rows = append(p.rows, step)
		return
	}
	p.rows[i] = step
}

// frame goes back to the first row and writes all of them. Rows are cut to the
// width: one that wrapped would take two lines and leave the first behind.
func (p *progress) frame() string {
	var b strings.Builder
	if p.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\x1b[J", p.drawn)
	}
	width := 0
	for _, row := range p.rows {
		width = max(width, len(row.Service))
	}
	for _, row := range p.rows {
		mark, colour := markOf(row)
		text := fmt.Sprintf("%-*s  %s", width, row.Service, describe(row))
		fmt.Fprintf(&b, "  %s %s\n", paint(p.out.colour, colour, mark), cut(clean(text), p.out.width-5))
	}
	p.drawn = len(p.rows)
	return b.String()
}

// markOf is a sign for a phase; the words are those of pkg/machine.
func markOf(row api.Progress) (string, style) {
	switch {
	case row.Failed:
		return "✗", red
	case row.Phase == "ready", row.Phase == "done", row.Phase == "down":
		return "✔", green
	default:
		return "◌", yellow
	}
}

// describe is a phase in words, with the cause where somebody would ask for it.
func describe(row api.Progress) string {
	switch row.Phase {
	case "down":
		return "stopped"
	case "waiting", "ending", "restarting", "backing_off", "given_up", "failed":
		if row.Cause != "" {
			return words(row.Phase) + ": " + row.Cause
		}
	}
	return words(row.Phase)
}

// stepLine is one step for -v.
func stepLine(step api.Progress) string {
	if step.Phase == "launching" {
		return fmt.Sprintf("Starting %s...", step.Service)
	}
	return clean(fmt.Sprintf("%s: %s", step.Service, describe(step)))
}

// words are a phase as people write it: given_up is "given up".
func words(phase string) string { return strings.ReplaceAll(phase, "_", " ") }
