package main

import (
	"slices"
	"strings"
	"testing"
)

// Terminals send keys in pieces of any length.
func TestKeysAsTerminalsSendThem(t *testing.T) {
	cases := map[string][]string{
		"q":                              {"q"},
		"QÄ":                             {"q", "ä"},
		"\r\n\t\x03":                     {"enter", "enter", "tab", "ctrl-c"},
		"\x1b[A\x1b[B\x1b[C\x1b[D\x1b[Z": {"up", "down", "right", "left", "backtab"},
		"\x1bOA\x1bOH\x1bOF":             {"up", "home", "end"},
		"\x1b[H\x1b[F\x1b[1~\x1b[4~":     {"home", "end", "home", "end"},
		"\x1b[5~\x1b[6~\x1b[1;5A":        {"pgup", "pgdn", "up"},
		"\x1b":                           {"esc"},
		"\x1b\x1b[A":                     {"esc", "up"},
		"\x1bx\x01\x7f\x1b[3~\x1b[200~j": {"j"},
		"\x1b[12;":                       nil,
		"\xff":                           {"\ufffd"},
	}
	for typed, want := range cases {
		for piece := 1; piece <= len(typed); piece++ {
			var got []string
			var left []byte
			for i := 0; i <= len(typed); i += piece {
				rest := typed[i:]
				left = append(left, rest[:min(piece, len(rest))]...)
				for all := len(rest) <= piece; len(left) > 0; {
					name, length := nextKey(left, all)
					if length == 0 {
						break
					}
					left = left[length:]
					if name != "" {
						got = append(got, name)
					}
				}
			}
			if !slices.Equal(got, want) || len(left) > 0 {
				t.Errorf("%q in pieces of %d is %q, want %q; left %q", typed, piece, got, want, left)
			}
		}
	}
}

// What a service has said commands no terminal, and a line ends with the screen.
func TestARowIsCutAndClean(t *testing.T) {
	s := &terminal{width: 6}
	got := s.row([]piece{{text: "a\x1b[2J", style: red}, {text: "lâng", reversed: true, style: bold}}, true)
	if want := "\x1b[0;31ma [2J\x1b[0;7;1ml"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := s.row([]piece{{text: "x", style: red}, {text: "y", style: bold}}, false); strings.Contains(got, "31") || !strings.Contains(got, ";1m") {
		t.Errorf("without colours it is %q", got)
	}
}
