package envfile

import (
	"bytes"
	"strconv"
	"strings"
)

// MaxSize bounds the text of a file and, separately, what it defines, in bytes.
const MaxSize = 1 << 20

// Error says where a file is wrong, and why, without quoting it.
type Error struct {
	Name    string
	Line    int
	Problem string
}

func (e *Error) Error() string {
	return e.Name + ":" + strconv.Itoa(e.Line) + ": " + e.Problem
}

// Parse returns what text defines, as KEY=value, in the order of first
// definition. The name is only used in errors, which are of type *Error.
// A nil lookup knows no variables.
func Parse(name string, text []byte, lookup func(string) (string, bool)) ([]string, error) {
	p := parser{name: name, line: 1, lookup: lookup, index: map[string]int{}}
	if len(text) > MaxSize {
		return nil, p.fail("the file is larger than 1 MiB")
	}
	p.rest = strings.TrimPrefix(string(text), "\ufeff")
	if before, _, found := bytes.Cut(text, []byte{0}); found {
		p.line += bytes.Count(before, []byte{'\n'})
		return nil, p.fail("a NUL byte, which no environment can hold")
	}
	for p.skipBlankLines(); p.rest != ""; p.skipBlankLines() {
		if err := p.definition(); err != nil {
			return nil, err
		}
	}
	return p.defined, nil
}

// parser holds what is left of the text and what was read from it.
type parser struct {
	name   string
	rest   string
	line   int // of the first byte of rest
	lookup func(string) (string, bool)

	defined []string       // KEY=value
	index   map[string]int // of each KEY in defined
	size    int            // of all of defined
}

func (p *parser) fail(problem string) error {
	return &Error{Name: p.name, Line: p.line, Problem: problem}
}

// take removes the first n bytes of what is left, and counts their lines.
func (p *parser) take(n int) string {
	taken := p.rest[:n]
	p.rest = p.rest[n:]
	p.line += strings.Count(taken, "\n")
	return taken
}

// takeWhile removes the longest beginning that consists of such bytes.
func (p *parser) takeWhile(is func(byte) bool) string {
	n := 0
	for n < len(p.rest) && is(p.rest[n]) {
		n++
	}
	return p.take(n)
}

// takeLine removes the rest of the line, without its end.
func (p *parser) takeLine() string {
	if end := strings.IndexByte(p.rest, '\n'); end >= 0 {
		return p.take(end)
	}
	return p.take(len(p.rest))
}

func (p *parser) skipBlankLines() {
	for {
		p.takeWhile(func(c byte) bool { return isBlank(c) || c == '\n' })
		if !strings.HasPrefix(p.rest, "#") {
			return
		}
		p.takeLine()
	}
}

// definition reads one KEY=value.
func (p *parser) definition() error {
	key := p.takeWhile(isNameByte)
	if blank := p.takeWhile(isBlank); key == "export" && blank != "" && !strings.HasPrefix(p.rest, "=") {
		key = p.takeWhile(isNameByte)
		p.takeWhile(isBlank)
	}
	if !IsName(key) {
		return p.fail("expected a line of the form KEY=value")
	}
	if !strings.HasPrefix(p.rest, "=") {
		return p.fail("expected = after the name")
	}
	p.take(1)
	p.takeWhile(isBlank)
	value, err := p.value()
	if err != nil {
		return err
	}
	return p.define(key, value)
}

func (p *parser) define(key, value string) error {
	entry := key + "=" + value
	p.size += len(entry)
	if p.size > MaxSize {
		return p.fail("the file expands to more than 1 MiB")
	}
	if i, again := p.index[key]; again {
		p.defined[i] = entry
		return nil
	}
	p.index[key] = len(p.defined)
	p.defined = append(p.defined, entry)
	return nil
}

// isBlank holds for what may stand around words. A carriage return counts, so
// that files written elsewhere work.
func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

// isNameByte is wider than a shell: programs do read names such as "a.b-c".
func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '.' || c == '-'
}

// IsName says whether name may be defined: letters, digits, _ . and -, and a
// letter or _ first.
func IsName(name string) bool {
	for i := range len(name) {
		if !isNameByte(name[i]) {
			return false
		}
	}
	return name != "" && name[0] != '.' && name[0] != '-' && !('0' <= name[0] && name[0] <= '9')
}
