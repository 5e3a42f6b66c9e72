package main

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// finals are the keys by the last byte of their sequence, which begins with CSI
// (Escape and [) or SS3 (Escape and O).
var finals = map[byte]string{
	'A': "up", 'B': "down", 'C': "right", 'D': "left", 'H': "home", 'F': "end", 'Z': "backtab",
}

// numberedKeys are those whose sequence ends in ~ after a number.
var numberedKeys = map[string]string{
	"1": "home", "4": "end", "5": "pgup", "6": "pgdn", "7": "home", "8": "end",
}

// controls are the keys that are one byte.
var controls = map[byte]string{'\r': "enter", '\n': "enter", '\t': "tab", 0x03: "ctrl-c"}

// nextKey is the first key of what was typed, by the board's name for it, and how
// long it is: 0 while more of it may come, which nothing does where all is said.
// A key that means nothing has no name.
func nextKey(typed []byte, all bool) (name string, length int) {
	switch first := typed[0]; {
	case first == 0x1b:
		return escapeKey(typed, all)
	case first < ' ' || first == 0x7f:
		return controls[first], 1
	}
	if !utf8.FullRune(typed) && !all {
		return "", 0
	}
	r, length := utf8.DecodeRune(typed)
	return string(unicode.ToLower(r)), length
}

func escapeKey(typed []byte, all bool) (name string, length int) {
	switch {
	case len(typed) == 1 && all:
		return "esc", 1
	case len(typed) == 1:
		return "", 0
	case typed[1] == 0x1b:
		return "esc", 1
	case typed[1] != '[' && typed[1] != 'O':
		return "", 2 // Alt and a key.
	}
	// Parameters and intermediates, then one final byte (ECMA-48, 5.4).
	end := bytes.IndexFunc(typed[2:], func(r rune) bool { return r >= '@' })
	switch {
	case end < 0 && all:
		return "", len(typed)
	case end < 0:
		return "", 0
	}
	final, length := typed[2+end], end+3
	parameter, _, _ := strings.Cut(string(typed[2:2+end]), ";") // A modifier comes second.
	if final == '~' {
		return numberedKeys[parameter], length
	}
	return finals[final], length
}
