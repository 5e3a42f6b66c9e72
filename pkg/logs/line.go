package logs

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// Stdout and Stderr are the streams.
	Stdout = "stdout"
	Stderr = "stderr"

	// MaxLine is the length in bytes beyond which a line is split.
	MaxLine = 16 << 10
	// SplitMark ends every piece of a line that goes on in the next one.
	SplitMark = "…[continued]"

	// TimeLayout is that of a line: RFC 3339 with exactly six digits, always in UTC, so that
	// every line's text begins at the same column.
	TimeLayout = "2006-01-02T15:04:05.000000Z"
)

// Line is one line of a log. A line that is not in our form has only Text.
type Line struct {
	Time   time.Time
	Stream string
	Text   string
}

// Parse takes a line of a log file apart, without its newline. Of a line of the
// supervisor's own log it tells the time; the text is all of it.
func Parse(line string) Line {
	stamp, rest, _ := strings.Cut(line, " ")
	if own, found := strings.CutPrefix(stamp, "time="); found {
		at, _ := time.Parse(time.RFC3339Nano, own)
		return Line{Time: at, Text: line}
	}
	stream, text, found := strings.Cut(rest, " ")
	if !found || stream != Stdout && stream != Stderr {
		return Line{Text: line}
	}
	at, err := time.Parse(TimeLayout, stamp)
	if err != nil {
		return Line{Text: line}
	}
	return Line{Time: at, Stream: stream, Text: text}
}

// appendPrefix adds what precedes the text of a line.
func appendPrefix(dst []byte, at time.Time, stream, label string) []byte {
	dst = at.UTC().AppendFormat(dst, TimeLayout)
	dst = append(dst, ' ')
	dst = append(dst, stream...)
	dst = append(dst, ' ')
	if label != "" {
		dst = append(dst, '[')
		dst = append(dst, label...)
		dst = append(dst, "] "...)
	}
	return dst
}

// splitAt is where to cut a line of more than MaxLine bytes: not inside a
// character, as far as there are characters in it.
func splitAt(line []byte) int {
	for cut := MaxLine; cut > MaxLine-utf8.UTFMax; cut-- {
		if utf8.RuneStart(line[cut]) {
			return cut
		}
	}
	return MaxLine
}

// Supervisor is the service, of no project, whose log is the supervisor's own.
const Supervisor = "supervisor"

// logPath is the file that a service's lines go to. The names come from a
// client where somebody reads logs, so they are not trusted to be names.
func logPath(dir, project, service string) (string, error) {
	if project == "" && service == Supervisor {
		return filepath.Join(dir, service+".log"), nil
	}
	for _, name := range []string{project, service} {
		if name == "" || strings.HasPrefix(name, ".") || strings.ContainsAny(name, "/\x00") {
			return "", fmt.Errorf("cannot find the log of %q in project %q: %q is not a name", service, project, name)
		}
	}
	return filepath.Join(dir, project, service+".log"), nil
}
