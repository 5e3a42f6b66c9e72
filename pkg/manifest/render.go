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
// Without the text of the file the line is left out.
func (p Problem) Render(sources *Sources) string {
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
	p.renderLine(&b, sources)
	if p.Why != "" {
		fmt.Fprintf(&b, "   = note: %s\n", p.Why)
	}
	return b.String()
}

func (p Problem) renderLine(b *strings.Builder, sources *Sources) {
	line, found := sources.line(p.Path, p.Line)
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

// Sources are the texts that problems are about. The zero value has none.
type Sources struct {
	texts map[string][]byte
	// starts is where the lines of a text begin, found when the first is asked
	// for: a thousand problems of a long file would search for long.
	starts map[string][]int
}

// Add adds the text of a file.
func (s *Sources) Add(path string, text []byte) {
	if s.texts == nil {
		s.texts, s.starts = map[string][]byte{}, map[string][]int{}
	}
	s.texts[path] = text
	delete(s.starts, path)
}

// line is line number (from 1) of a file.
func (s *Sources) line(path string, number int) (string, bool) {
	if s == nil || len(s.texts[path]) == 0 {
		return "", false
	}
	text, starts := s.texts[path], s.starts[path]
	if starts == nil {
		starts = lineStarts(text)
		s.starts[path] = starts
	}
	if number < 1 || number > len(starts) {
		return "", false
	}
	line, _, _ := bytes.Cut(text[starts[number-1]:], []byte{'\n'})
	return string(line), true
}

func lineStarts(text []byte) []int {
	starts := make([]int, 1, 1+bytes.Count(text, []byte{'\n'}))
	for i, c := range text {
		if c == '\n' && i+1 < len(text) {
			starts = append(starts, i+1)
		}
	}
	return starts
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
