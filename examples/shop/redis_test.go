package main

import (
	"bufio"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestAnswersOfRedis(t *testing.T) {
	cases := map[string]struct {
		text string
		want []string
		bad  bool
	}{
		"a simple string":       {"+PONG\r\n", []string{"PONG"}, false},
		"a number":              {":42\r\n", []string{"42"}, false},
		"a value with newlines": {"$5\r\na\r\nb\n\r\n", []string{"a\r\nb\n"}, false},
		"an array":              {"*2\r\n$1\r\na\r\n$1\r\nb\r\n", []string{"a", "b"}, false},
		"an empty array":        {"*0\r\n", nil, false},
		"an error":              {"-ERR no\r\n", nil, true},
		"a length of nonsense":  {"$x\r\n", nil, true},
		"a length beyond all":   {"$99999999999\r\n", nil, true},
		"a value cut short":     {"$5\r\nab", nil, true},
		"an empty line":         {"\r\n", nil, true},
		"nothing":               {"", nil, true},
	}
	for name, c := range cases {
		got, err := (&redis{in: bufio.NewReader(strings.NewReader(c.text))}).answer()
		if !slices.Equal(got, c.want) || (err != nil) != c.bad {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func TestNothingIsAnErrorOfItsOwn(t *testing.T) {
	for _, text := range []string{"$-1\r\n", "*-1\r\n"} {
		if _, err := (&redis{in: bufio.NewReader(strings.NewReader(text))}).answer(); !errors.Is(err, errNil) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{"+PONG\r\n", "*2\r\n$1\r\na\r\n:3\r\n", "$-1\r\n", "-ERR\r\n", "*1\r\n*1\r\n+x\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = (&redis{in: bufio.NewReader(strings.NewReader(text))}).answer()
	})
}
