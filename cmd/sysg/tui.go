package main

// The rules of output, for every verb:
//
//  1. stdout has what was asked for, stderr what went wrong and warnings.
//  2. start, stop and restart end with one sentence, after two empty lines.
//     Scripts written for the older program count them. With -q or --format
//     there is neither.
//  3. With --format json stdout has one JSON value, or one a line where it
//     streams, and nothing else.
//  4. Colour only on a terminal, not with NO_COLOR, TERM=dumb, --no-color or
//     --plain; CLICOLOR_FORCE and --color=always ask for it anywhere. What
//     moves, only on a terminal that --plain has not been said to.
//  5. An error is a line with its code, then notes, evidence, and help that
//     can be pasted:
//
//     error[SG0202]: no service "web" in project "shop"
//     = note: it has api, db
//     help: see them all   sysg status -p shop
//
//  6. What a service or a file has said is shown without its control
//     characters, except by logs, whose very purpose it is.

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"

	"systemg.org/sysg/pkg/api"
)

// output is where a verb prints.
type output struct {
	stdout, stderr io.Writer
	// stdoutTTY and stderrTTY say what the two are, before any flag.
	stdoutTTY, stderrTTY bool

	colour, errColour bool
	// draws allows what moves and what is meant for a person watching.
	draws bool
	// plain is an agent, or --plain: what waits for a person would wait forever.
	plain          bool
	quiet, verbose bool
	json, xml      bool
	// scripted is set by any --format: no empty lines, no sentences.
	scripted bool
	width    int
	height   int // of the terminal, 0 if not known
	// pager is the command that long output goes through, "" for none.
	pager string
}

func newOutput(stdout, stderr *os.File) *output {
	o := &output{
		stdout: &written{to: stdout}, stderr: stderr, width: 80,
		stdoutTTY: term.IsTerminal(int(stdout.Fd())), stderrTTY: term.IsTerminal(int(stderr.Fd())),
	}
	if width, height, err := term.GetSize(int(stdout.Fd())); err == nil && width > 0 {
		o.width, o.height = width, height
	}
	return o
}

// adopt decides by the flags and the environment (rules 2 to 4).
func (o *output) adopt(g globals, formatGiven bool, env func(string) string) {
	if columns, err := strconv.Atoi(env("COLUMNS")); err == nil && columns > 0 {
		o.width = columns
	}
	agent := env("SYSTEMG_AGENT")
	plain := g.plain || agent != "" && agent != "0"
	o.plain = plain
	force := env("CLICOLOR_FORCE")
	colour := func(tty bool) bool {
		switch {
		case g.noColor || plain || g.color == "never":
			return false
		case g.color == "always":
			return true
		case env("NO_COLOR") != "":
			return false
		case force != "" && force != "0":
			return true
		default:
			return tty && env("TERM") != "dumb"
		}
	}
	o.colour, o.errColour = colour(o.stdoutTTY), colour(o.stderrTTY)
	o.json, o.xml = g.format == "json", g.format == "xml"
	o.scripted = formatGiven
	o.quiet, o.verbose = g.quiet, g.verbose
	o.draws = o.stdoutTTY && !plain && !o.machine() && !o.quiet && env("TERM") != "dumb"
	o.pager = ""
	if o.draws && !g.noPager {
		o.pager = env("PAGER")
	}
}

// machine reports whether what is printed is for a program to read.
func (o *output) machine() bool { return o.json || o.xml }

// success ends a mutation (rule 2).
func (o *output) success(result api.Result) {
	switch {
	case o.json:
		o.printJSON(result)
	case o.quiet || o.scripted:
	default:
		fmt.Fprintf(o.stdout, "\n\n%s\n", result.Message)
	}
}

// printJSON prints v as one JSON value on a line of its own.
func (o *output) printJSON(v any) {
	text, err := api.Marshal(v)
	if err != nil {
		fmt.Fprintf(o.stderr, "error[%s]: cannot encode: %v\n", api.CodeInternal, err)
		return
	}
	fmt.Fprintf(o.stdout, "%s\n", text)
}

// style is a colour or weight, as the terminal's number for it.
type style string

const (
	bold   style = "1"
	faint  style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	blue   style = "34"
	cyan   style = "36"
)

// paint returns text in a style, where on is set.
func paint(on bool, s style, text string) string {
	if !on || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// clean makes text from elsewhere safe to show (rule 6).
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' && r != '\n' || r == utf8.RuneError {
			return '\uFFFD'
		}
		return r
	}, text)
}

// cut shortens text to width characters.
func cut(text string, width int) string {
	if width <= 0 || utf8.RuneCountInString(text) <= width {
		return text
	}
	runes := []rune(text)
	return string(runes[:max(width-1, 0)]) + "…"
}
