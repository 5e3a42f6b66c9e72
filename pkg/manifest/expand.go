package manifest

import (
	"fmt"
	"strings"
)

// Text is a value as it was written and as it is meant.
type Text struct {
	Raw   string
	Value string
	// Expanded is set if variables are in it, which may be secrets.
	Expanded bool
}

// maxValue bounds one expanded value: the kernel passes no argument and no
// variable of 128 KiB or more (MAX_ARG_STRLEN, execve(2)).
const maxValue = 128<<10 - 1

// maxRaw bounds one as it is written, with room for what is put before it, such
// as the exec of a simple command, or the name of a variable.
const maxRaw = maxValue - 256

// expandError says why a text cannot be expanded.
type expandError struct {
	// unset is the name of a variable that has no value.
	unset   string
	message string
}

// expand replaces the variables of a text:
//
//	$NAME ${NAME}      the value of NAME, which must be set
//	${NAME:-default}   the default if NAME is unset or empty
//	$$                 a plain $
//
// A $ before anything else stands for itself.
func expand(raw string, lookup func(string) (string, bool)) (Text, *expandError) {
	text := Text{Raw: raw, Value: raw}
	if !strings.Contains(raw, "$") {
		return text, nil
	}
	var b strings.Builder
	for rest := raw; rest != ""; {
		before, after, found := strings.Cut(rest, "$")
		b.WriteString(before)
		if !found {
			break
		}
		n, err := text.reference(&b, after, lookup)
		if err != nil {
			return text, err
		}
		if text.Expanded && b.Len() > maxValue {
			text.Value = b.String() // For the caller's sum.
			return text, &expandError{message: "expands to more than 128 KiB, the most that the kernel passes"}
		}
		rest = after[n:]
	}
	text.Value = b.String()
	return text, nil
}

// reference writes what stands for the reference at the beginning of after,
// its $ removed, and returns how long it is.
func (t *Text) reference(b *strings.Builder, after string, lookup func(string) (string, bool)) (int, *expandError) {
	if strings.HasPrefix(after, "$") {
		b.WriteString("$")
		return 1, nil
	}
	name, fallback, length, err := parseReference(after)
	if err != nil {
		return 0, err
	}
	if name == "" {
		b.WriteString("$")
		return 0, nil
	}
	t.Expanded = true
	value, found := lookup(name)
	if fallback != nil && value == "" {
		value, found = *fallback, true
	}
	if !found {
		return 0, &expandError{unset: name}
	}
	b.WriteString(value)
	return length, nil
}

// parseReference reads NAME, {NAME} or {NAME:-default}. No name means that the
// $ was a plain one.
func parseReference(after string) (name string, fallback *string, length int, err *expandError) {
	if !strings.HasPrefix(after, "{") {
		name = after[:nameLength(after)]
		return name, nil, len(name), nil
	}
	end := strings.IndexByte(after, '}')
	if end < 0 {
		return "", nil, 0, &expandError{message: "has a ${ without a }"}
	}
	inner := after[1:end]
	name = inner[:nameLength(inner)]
	if rest := inner[len(name):]; rest != "" {
		text, found := strings.CutPrefix(rest, ":-")
		if !found || strings.Contains(text, "$") {
			return "", nil, 0, &expandError{message: fmt.Sprintf("has %s, which is no variable", quote("$"+after[:end+1]))}
		}
		fallback = &text
	}
	if name == "" {
		return "", nil, 0, &expandError{message: "has a ${ without a name"}
	}
	return name, fallback, end + 1, nil
}

// nameLength is how much of the beginning of s is the name of a variable.
func nameLength(s string) int {
	n := 0
	for n < len(s) && (s[n] == '_' || 'a' <= s[n]|0x20 && s[n]|0x20 <= 'z' || n > 0 && '0' <= s[n] && s[n] <= '9') {
		n++
	}
	return n
}

// references are the names that a shell string refers to, each once. More
// than those that the shell will use are found, which does no harm.
func references(command string) []string {
	var names []string
	seen := map[string]bool{}
	for _, after := range strings.Split(command, "$")[1:] {
		after = strings.TrimPrefix(after, "{")
		if name := after[:nameLength(after)]; name != "" && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}
