package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"systemg.org/sysg/pkg/api"
)

// progress shows how services get on: on a terminal as a tree whose rows change
// in place, with -v elsewhere as lines, and otherwise not at all.
//
//	⠹ api   waiting: dependency db: starting
//	✔ db    ready
//	  ✔ pre_start
//	  ⠹ health check, attempt 3
//
// It is drawn when something happened, and while something spins some times a
// second. Calls may come from several goroutines.
type progress struct {
	out *output

	mu      sync.Mutex
	rows    []row
	drawn   int // lines on the screen
	turn    int // of the spinner
	several bool
	over    chan struct{} // closed at the end; nil while nothing spins
}

// row is one service with what it does on its way.
type row struct {
	api.Progress
	steps []api.Step
}

// spinning is how often a second the spinner turns.
const spinning = 10

var spinner = []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}

func newProgress(out *output) *progress { return &progress{out: out} }

// each is what to call with the replies of a mutation: nil where nothing is
// shown, which spares the daemon the telling.
func (p *progress) each() func(api.Reply) error {
	if p.out.draws || p.out.verbose && !p.out.scripted {
		return p.step
	}
	return nil
}

// step takes one reply of a mutation.
func (p *progress) step(reply api.Reply) error {
	if reply.Progress == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.out.draws:
		p.put(*reply.Progress)
		p.draw()
		p.spin()
	case p.out.verbose:
		fmt.Fprintln(p.out.stdout, stepLine(*reply.Progress))
	}
	return nil
}

// end leaves the last picture on the screen. It may be called twice.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over != nil {
		close(p.over)
		p.over = nil
		p.draw()
	}
}

// spin begins to turn the spinner, once.
func (p *progress) spin() {
	if p.over != nil {
		return
	}
	p.over = make(chan struct{})
	go func(over chan struct{}) {
		for {
			select {
			case <-over:
				return
			case <-time.After(time.Second / spinning):
				p.mu.Lock()
				if p.over == over && slices.ContainsFunc(p.rows, row.moves) {
					p.turn++
					p.draw()
				}
				p.mu.Unlock()
			}
		}
	}(p.over)
}

func (p *progress) draw() { fmt.Fprint(p.out.stdout, p.frame()) }

// put notes one step. A new phase ends the steps of the one before.
func (p *progress) put(step api.Progress) {
	i := slices.IndexFunc(p.rows, func(r row) bool { return r.Project == step.Project && r.Service == step.Service })
	if i < 0 {
		p.several = p.several || len(p.rows) > 0 && p.rows[0].Project != step.Project
		p.rows = append(p.rows, row{Progress: step})
		i = len(p.rows) - 1
	}
	r := &p.rows[i]
	if step.Step == nil {
		r.Progress = step
		r.settle()
		return
	}
	r.Phase = step.Phase
	for k := range r.steps {
		if r.steps[k].Name == step.Step.Name {
			r.steps[k] = *step.Step
			return
		}
	}
	r.steps = append(r.steps, *step.Step)
}

// settle marks what was going on as done or failed, once the service is or has
// gone on, and forgets all of it when the service begins anew.
func (r *row) settle() {
	if r.Phase == "waiting" || r.Phase == "stopping" {
		r.steps = nil
	}
	for k := range r.steps {
		over := !r.moves() || r.Phase == "ending" || r.steps[k].Name == "pre_start" && r.Phase != "preparing"
		if r.steps[k].State == "active" && over {
			r.steps[k].State = map[bool]string{false: "done", true: "failed"}[r.Failed || r.Phase == "ending"]
		}
	}
}

// moves says whether a service is on its way.
func (r row) moves() bool { return !r.Failed && !settled[r.Phase] }

// settled are the phases, in the words of pkg/machine, in which nothing more is
// to come by itself.
var settled = map[string]bool{
	"ready": true, "done": true, "down": true, "skipped": true, "listening": true, "scheduled": true, "failed": true, "given_up": true,
}

// frame goes back to the first row and writes all of them. Rows are cut to the
// width: one that wrapped would take two lines and leave the first behind. Of
// more rows than the screen has lines those are left out that have settled.
func (p *progress) frame() string {
	var b strings.Builder
	if p.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\x1b[J", p.drawn)
	}
	lines := p.lines()
	p.drawn = len(lines)
	for _, line := range lines {
		b.WriteString(line + "\n")
	}
	return b.String()
}

// lines are the picture, at most as many as fit on the screen.
func (p *progress) lines() []string {
	width := 0
	for _, r := range p.rows {
		width = max(width, len(p.nameOf(r)))
	}
	var lines, moving []string
	for _, r := range p.rows {
		text := fmt.Sprintf("%-*s  %s", width, p.nameOf(r), describe(r.Progress))
		own := []string{p.line("  ", markOf(r.Progress), text)}
		for _, step := range r.steps {
			own = append(own, p.line("    ", markOfStep(step), step.Label))
		}
		lines = append(lines, own...)
		if r.moves() || r.Failed {
			moving = append(moving, own...)
		}
	}
	room := max(p.out.height-2, 1)
	if p.out.height == 0 || len(lines) <= room {
		return lines
	}
	hidden := len(lines) - min(len(moving), room-1)
	return append(moving[:min(len(moving), room-1)], fmt.Sprintf("  … and %d more lines", hidden))
}

func (p *progress) line(indent, mark, text string) string {
	colour := map[string]style{"✔": green, "✗": red}[mark]
	if mark == "" {
		mark, colour = spinner[p.turn%len(spinner)], yellow
	}
	return indent + paint(p.out.colour, colour, mark) + " " + cut(clean(text), p.out.width-len(indent)-3)
}

func (p *progress) nameOf(r row) string {
	if p.several {
		return r.Project + "/" + r.Service
	}
	return r.Service
}

// markOf is a sign for a service, "" for one that is on its way.
func markOf(step api.Progress) string {
	switch {
	case step.Failed || step.Phase == "failed" || step.Phase == "given_up":
		return "✗"
	case settled[step.Phase]:
		return "✔"
	}
	return ""
}

func markOfStep(step api.Step) string {
	return map[string]string{"done": "✔", "failed": "✗"}[step.State]
}

// describe is a phase in words, with the cause where somebody would ask for it.
func describe(step api.Progress) string {
	switch step.Phase {
	case "down":
		return "stopped"
	case "waiting", "ending", "restarting", "backing_off", "given_up", "failed":
		if step.Cause != "" {
			return words(step.Phase) + ": " + step.Cause
		}
	}
	return words(step.Phase)
}

// stepLine is one step for -v.
func stepLine(step api.Progress) string {
	switch {
	case step.Step != nil:
		return clean(fmt.Sprintf("%s: %s", step.Service, step.Step.Label))
	case step.Phase == "launching":
		return fmt.Sprintf("Starting %s...", step.Service)
	}
	return clean(fmt.Sprintf("%s: %s", step.Service, describe(step)))
}

// words are a phase as people write it: given_up is "given up".
func words(phase string) string { return strings.ReplaceAll(phase, "_", " ") }
