package manifest

import (
	"slices"
	"strings"
	"testing"
)

func TestExpansion(t *testing.T) {
	lookup := func(name string) (string, bool) {
		value, found := map[string]string{"A": "1", "LONG_2": "two", "EMPTY": "", "META": "${A}: [x]"}[name]
		return value, found
	}
	for _, test := range []struct {
		raw, want string
		expanded  bool
	}{
		{"", "", false},
		{"plain", "plain", false},
		{"$A", "1", true},
		{"${A}", "1", true},
		{"x${A}y$LONG_2", "x1ytwo", true},
		{"$A$A", "11", true},
		{"${EMPTY}", "", true},
		{"${EMPTY:-d}", "d", true},
		{"${NONE:-a default: [x]}", "a default: [x]", true},
		{"${NONE:-}", "", true},
		{"${A:-d}", "1", true},
		{"$$A", "$A", false},
		{"$$$A", "$1", true},
		{"$$$$", "$$", false},
		{"$", "$", false},
		{"5$ $5 $(date) $?", "5$ $5 $(date) $?", false},
		{"$META", "${A}: [x]", true},
	} {
		got, err := expand(test.raw, lookup)
		if err != nil || got.Value != test.want || got.Raw != test.raw || got.Expanded != test.expanded {
			t.Errorf("%q: got %+v, %+v; want %q", test.raw, got, err, test.want)
		}
	}
	for _, raw := range []string{"${A", "${}", "${A-b}", "${a.b}", "${1}", "${A:-$A}", "${:-x}"} {
		if _, err := expand(raw, lookup); err == nil || err.message == "" {
			t.Errorf("%q is accepted: %+v", raw, err)
		}
	}
	for _, raw := range []string{"$NONE", "${NONE}", "a$A$NONE"} {
		if _, err := expand(raw, lookup); err == nil || err.unset != "NONE" {
			t.Errorf("%q: got %+v, want NONE unset", raw, err)
		}
	}
}

func TestReferencesOfAShellString(t *testing.T) {
	got := references(`serve --port $PORT ${HOST:-x} '$IN_QUOTES' $$ $1 ${#LEN} "$PORT" $`)
	want := []string{"PORT", "HOST", "IN_QUOTES"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOnlySimpleCommandsReplaceTheirShell(t *testing.T) {
	for _, simple := range []string{
		"./serve", "redis-server --port 7777", "/usr/bin/env -0", " sleep 5 \n", "app --port $PORT ${HOST:-x}", "app 'a; b | c' \"$X\"",
		"app *.txt ~/x", "g++ x", "app A=1", "app '`'",
	} {
		if got := shellArgv(simple); got[2] != "exec "+strings.TrimSpace(simple) {
			t.Errorf("%q is run as %q", simple, got)
		}
	}
	for _, other := range []string{
		"a; b", "a && b", "a | b", "a &", "a > x", "a < x", "(a)", "a\nb", "a `b`", "a $(b)", "a \"$(b)\"", "a \"`b`\"", "{ a; }", "A=1 app", "$CMD x", "'app'", "\"app\"",
		"cd /x", "exec a", "echo hi", "true", ": x", ". ./x", "if a", "! a", "[ -e x ]", "while", "a # b", "a 'b", "a \"b", `a \; b`, "-x", "*", "~/app", "",
		"time app", "set -e", "a\r",
	} {
		if got := shellArgv(other); got[2] != other && strings.HasPrefix(got[2], "exec ") && !strings.HasPrefix(other, "exec") {
			t.Errorf("%q is run as %q", other, got)
		}
	}
}

func TestShellQuoting(t *testing.T) {
	for text, want := range map[string]string{
		"": "''", "/srv/a-b_c.yaml": "/srv/a-b_c.yaml", "a b": "'a b'", "it's": `'it'\''s'`, "$(x)": "'$(x)'",
	} {
		if got := shellQuote(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
