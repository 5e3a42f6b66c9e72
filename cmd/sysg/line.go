package main

import (
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"strings"

	"systemg.org/sysg/pkg/api"
)

// lineStyle is how a line of a log is shown.
type lineStyle int

const (
	withoutService lineStyle = iota // time, stream, text: as it is in the file
	withService                     // service | time stream text
	raw                             // the text
)

// loggedLine is a line in JSON, with the older program's names.
type loggedLine struct {
	Time    string `json:"ts"`
	Stream  string `json:"stream"`
	Project string `json:"project"`
	Service string `json:"service"`
	Text    string `json:"line"`
}

// line prints one line of a service's log.
func (o *output) line(l api.Line, how lineStyle) {
	switch {
	case o.json:
		o.printJSON(loggedLine{l.Time, l.Stream, l.Project, l.Service, l.Text})
	case how == raw:
		fmt.Fprintln(o.stdout, l.Text)
	case how == withService:
		fmt.Fprintf(o.stdout, "%s | %s\n", paint(o.colour, serviceStyle(l.Service), l.Service), o.dated(l))
	default:
		fmt.Fprintln(o.stdout, o.dated(l))
	}
}

// dated is a line with its time and stream, where its log has them.
func (o *output) dated(l api.Line) string {
	if l.Time == "" || l.Stream == "" { // Its log has none, or its text has the time.
		return l.Text
	}
	return paint(o.colour, faint, l.Time+" "+l.Stream) + " " + l.Text
}

// serviceStyle gives each service a colour of its own, the same every time.
func serviceStyle(service string) style {
	styles := []style{green, yellow, blue, "35", cyan}
	h := fnv.New32a()
	_, _ = io.WriteString(h, service)
	return styles[h.Sum32()%uint32(len(styles))]
}

// tailBytes is how much of the end of a log is looked at for its last lines.
const tailBytes = 1 << 20

// lastLines are the last n lines of a file, fewer where they are very long,
// none where it cannot be read.
func lastLines(path string, n int) []string {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil
	}
	from := max(info.Size()-tailBytes, 0)
	text, err := io.ReadAll(io.NewSectionReader(file, from, tailBytes))
	if err != nil || len(text) == 0 {
		return nil
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if from > 0 {
		lines = lines[1:] // it begins in the middle
	}
	return lines[max(len(lines)-n, 0):]
}
