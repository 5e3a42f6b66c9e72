package manifest

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
)

// Render shows the problem with the line of the file that it is about:
//
//	error[SG0212]: unknown key "comand" in a service
//	  --> /srv/app/systemg.yaml:4:5 (services.web.comand)
//	   |
//	 4 |     comand: ./serve
//	   |     ^ did you mean "command"?
//	   = note: why the rule is there
//
// The source is the text of the file; nil leaves the line out.
func (p Problem) Render(source []byte) string {
	var b strings.Builder
	severity := "error"
	if p.Warning {
		severity = "warning"
	}
	fmt.Fprintf(&b, "%s[%s]: %s\n  --> %s", severity, p.Code(), p.Message, p.Where())
	if p.Key != "" {
		fmt.Fprintf(&b, " (%s)", p.Key)
	}
	b.WriteString("\n")
	p.renderLine(&b, source)
	if p.Why != "" {
		fmt.Fprintf(&b, "   = note: %s\n", p.Why)
	}
	return b.String()
}

func (p Problem) renderLine(b *strings.Builder, source []byte) {
	line, found := sourceLine(source, p.Line)
	if !found {
		if p.Suggestion != "" {
			fmt.Fprintf(b, "   = help: %s\n", p.Suggestion)
		}
		return
	}
	text, caret := window(line, p.Column)
	number := fmt.Sprint(p.Line)
	margin := strings.Repeat(" ", len(number)+1)
	fmt.Fprintf(b, " %s |\n %s | %s\n %s |", margin[1:], number, text, margin[1:])
	if caret >= 0 || p.Suggestion != "" {
		fmt.Fprintf(b, " %s", strings.Repeat(" ", max(caret, 0)))
	}
	if caret >= 0 {
		b.WriteString("^")
	}
	if p.Suggestion != "" {
		fmt.Fprintf(b, " %s", p.Suggestion)
	}
	b.WriteString("\n")
}

// sourceLine is line number (from 1) of the source.
func sourceLine(source []byte, number int) (string, bool) {
	for i := 1; number > 0 && len(source) > 0; i++ {
		line, rest, _ := bytes.Cut(source, []byte{'\n'})
		if i == number {
			return string(line), true
		}
		source = rest
	}
	return "", false
}

// window cuts a line to what fits a screen around the column, without anything
// that a terminal would obey. The caret is the column's place in it, or -1.
func window(line string, column int) (text string, caret int) {
	const before, width = 60, 100
	runes := []rune(strings.TrimRight(line, "\r"))
	for i, r := range runes {
		if r == '\t' || !unicode.IsPrint(r) {
			runes[i] = ' '
		}
	}
	from := 0
	if column > width {
		from = min(column-before, len(runes))
	}
	shown := runes[from:min(from+width, len(runes))]
	return strings.TrimRight(string(shown), " "), column - 1 - from
}
