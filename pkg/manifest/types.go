package manifest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// text reads any scalar and expands it.
func (r *reader) text(v value, what string) (Text, bool) {
	raw, ok := r.raw(v, what)
	if !ok {
		return Text{}, false
	}
	text, ok := r.expand(v, raw, r.scope)
	return text, ok && r.noNUL(v, text.Value)
}

// raw reads any scalar as it is written.
func (r *reader) raw(v value, what string) (string, bool) {
	if !r.is(v, yaml.ScalarNode, what) {
		return "", false
	}
	n := target(v.node)
	if isNull(n) {
		r.bad(v, fmt.Sprintf("%s has no value", v.name), "expected "+what)
		return "", false
	}
	if len(n.Value) > maxRaw {
		r.bad(v, "a value is longer than 128 KiB, the most that the kernel passes", "")
		return "", false
	}
	return n.Value, r.noNUL(v, n.Value)
}

// noNUL refuses what the kernel would cut: its strings end at the first NUL.
func (r *reader) noNUL(v value, text string) bool {
	if strings.ContainsRune(text, 0) {
		r.bad(v, "a value cannot hold a NUL character", "")
		return false
	}
	return true
}

// word is a type that a function reads from one expanded scalar.
func word[V any](name, accepts string, form form, parse func(string) (V, error)) *Type {
	return &Type{Name: name, Accepts: accepts, form: form, read: func(r *reader, v value, to any) {
		text, ok := r.text(v, name)
		if !ok {
			return
		}
		result, err := parse(text.Value)
		if err != nil {
			r.badWord(v, text, name, accepts, err)
			return
		}
		*to.(*V) = result
	}}
}

// badWord reports a word as it was written, not as it was expanded.
func (r *reader) badWord(v value, text Text, name, accepts string, err error) {
	shown := quote(text.Raw)
	if text.Expanded {
		shown = "the value of " + shown
	}
	r.bad(v, fmt.Sprintf("cannot read %s as %s: %v", shown, name, err), "expected "+accepts)
}

// optional is a type whose place is a pointer, nil where the key is missing.
func optional[V any](t *Type) *Type {
	return t.readBy(func(r *reader, v value, to any) {
		result, before := new(V), r.errors
		if t.read(r, v, result); r.errors == before {
			*to.(**V) = result
		}
	})
}

// choice is a type with a few words.
func choice[V ~string](words string) *Type {
	choices := strings.Fields(words)
	t := &Type{Name: "one of its words", Accepts: strings.Join(choices, ", "), Choices: choices, form: oneWord(choices...)}
	t.read = func(r *reader, v value, to any) {
		if text, ok := r.choose(v, t); ok {
			*to.(*V) = V(text)
		}
	}
	return t
}

// eitherOf is a choice between two words that stand for false and true.
func eitherOf(no, yes string) *Type {
	t := choice[string](no + " " + yes)
	t.read = func(r *reader, v value, to any) {
		if word, ok := r.choose(v, t); ok {
			*to.(*bool) = word == yes
		}
	}
	return t
}

// choose reads one of the words of t.
func (r *reader) choose(v value, t *Type) (string, bool) {
	text, ok := r.text(v, "one of "+t.Accepts)
	if !ok {
		return "", false
	}
	if slices.Contains(t.Choices, text.Value) {
		return text.Value, true
	}
	suggestion := "expected one of " + t.Accepts
	if meant, found := Nearest(text.Value, t.Choices); found && !text.Expanded {
		suggestion = fmt.Sprintf("did you mean %q?", meant)
	}
	r.bad(v, fmt.Sprintf("%s cannot be %s", v.label(), quote(text.Raw)), suggestion)
	return "", false
}

// integer is a type for whole numbers in a range.
func integer(least, most int) *Type {
	accepts := fmt.Sprintf("a whole number from %d to %d", least, most)
	return word("a whole number", accepts, number(least, most), func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0, errors.New("it is none")
		}
		if n < least || n > most {
			return 0, errors.New("out of range")
		}
		return n, nil
	})
}

// object is a type for a nested mapping, read into a struct that is there.
func object(o *Object) *Type {
	return &Type{Name: o.Name, Accepts: "a mapping", Object: o, form: keysOf(o), nullable: true, read: func(r *reader, v value, to any) {
		r.object(o, v, to)
	}}
}

// list is a type for a list whose items are read one by one.
func list[V any](name string, items form, item func(r *reader, v value) (V, bool)) *Type {
	return &Type{Name: name, Accepts: name, form: listOf(items), nullable: true, read: func(r *reader, v value, to any) {
		if !r.is(v, yaml.SequenceNode, name) {
			return
		}
		v.node = target(v.node)
		result := make([]V, 0, len(v.node.Content))
		for i := range v.node.Content {
			if got, ok := item(r, v.item(i)); ok {
				result = append(result, got)
			}
		}
		*to.(*[]V) = result
	}}
}

// freeText is a type for a text that is not empty.
func freeText(name, accepts string) *Type {
	return word(name, accepts, filled, func(text string) (string, error) {
		if strings.TrimSpace(text) == "" {
			return "", errors.New("it is empty")
		}
		return text, nil
	})
}

const durationAccepts = "a whole number with ms, s, m, h or d, such as 500ms, 30s or 1m30s"

// The simple types of the tables.
var (
	duration = word("a duration", durationAccepts, numeral(0, math.MaxInt, durationPattern), parseDuration)
	positive = word("a duration", durationAccepts+", and more than 0", numeral(1, math.MaxInt, positivePattern), parsePositive)
	retry    = word("a duration", durationAccepts+`, or "never"`, numeral(1, math.MaxInt, positivePattern+"|never"), parseRetry)
	logSize  = word("a size", "a whole number of bytes, or with K, M, G or T, such as 10M", numeral(1, math.MaxInt, sizePattern), parseLogSize)
	umask    = word("a file mode", `octal digits, such as "0022"`, numeral(0, 777, "(0o)?[0-7]+"), parseUmask)
	boolean  = word("true or false", "true or false", truth, parseBool)
	signal   = word("a signal", "a name or number, such as SIGTERM or SIGRTMIN+3", numeral(1, maxRealTime, signalPattern), parseSignal)
	rlimit   = word("a limit", `a number, a size, "unlimited" or "soft:hard"`, numeral(0, math.MaxInt, limitPattern+"(:"+limitPattern+")?"), parseLimit)

	// shell is a shell string, which nothing is expanded in.
	shell = &Type{Name: "a command", Accepts: "a command for /bin/sh", form: filled, read: func(r *reader, v value, to any) {
		command, ok := r.raw(v, "a command")
		if ok && strings.TrimSpace(command) == "" {
			r.bad(v, fmt.Sprintf("%s is empty", v.name), "expected a command for /bin/sh")
			return
		}
		*to.(*string) = command
	}}

	// argv is a program and its arguments.
	argv = &Type{Name: "a list", Accepts: "a program and its arguments", form: atLeastOne(listOf(scalar)), read: readArgv}

	exits = list("a list of exit codes and signals", numeral(0, 255, signalPattern), readExit)
)

func readArgv(r *reader, v value, to any) {
	items := list("a list", scalar, func(r *reader, v value) (Text, bool) { return r.text(v, "an argument") })
	before := r.errors
	items.read(r, v, to)
	if texts := *to.(*[]Text); r.errors == before && (len(texts) == 0 || strings.TrimSpace(texts[0].Value) == "") {
		r.bad(v, fmt.Sprintf("%s names no program", v.name), `expected a list such as ["/usr/bin/env", "-0"]`)
	}
}
