package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"systemg.org/sysg/pkg/api"
)

// diagnostic prints d to stderr (rule 5 of tui.go).
func (o *output) diagnostic(severity string, d api.Diagnostic) {
	fmt.Fprint(o.stderr, renderDiagnostic(severity, d, o.errColour))
}

func renderDiagnostic(severity string, d api.Diagnostic, colour bool) string {
	var b strings.Builder
	head := red
	if severity == "warning" {
		head = yellow
	}
	fmt.Fprintf(&b, "%s: %s\n", paint(colour, head, severity+"["+d.Code+"]"), paint(colour, bold, clean(d.Title)))
	for _, note := range d.Notes {
		indented := strings.ReplaceAll(strings.TrimRight(clean(note), "\n"), "\n", "\n    ")
		fmt.Fprintf(&b, "  = %s %s\n", paint(colour, cyan, "note:"), indented)
	}
	for _, line := range d.Evidence {
		fmt.Fprintf(&b, "  %s %s\n", paint(colour, blue, "│"), clean(line))
	}
	width := 0
	for _, help := range d.Help {
		width = max(width, utf8.RuneCountInString(help.Label))
	}
	for _, help := range d.Help {
		pad := strings.Repeat(" ", width-utf8.RuneCountInString(help.Label))
		fmt.Fprintf(&b, "  %s %s%s   %s\n", paint(colour, green, "help:"), help.Label, pad, help.Command)
	}
	return b.String()
}
