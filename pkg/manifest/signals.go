package manifest

import (
	"errors"
	"strconv"
	"strings"

	"systemg.org/sysg/pkg/generation"
)

// signals are the numbers of signal(7) as x86 and ARM have them.
var signals = map[string]int{
	"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "BUS": 7, "FPE": 8, "KILL": 9, "USR1": 10,
	"SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15, "STKFLT": 16, "CHLD": 17, "CONT": 18, "STOP": 19,
	"TSTP": 20, "TTIN": 21, "TTOU": 22, "URG": 23, "XCPU": 24, "XFSZ": 25, "VTALRM": 26, "PROF": 27, "WINCH": 28,
	"IO": 29, "PWR": 30, "SYS": 31,
}

// The real-time signals that programs may use; glibc keeps 32 and 33.
const (
	minRealTime = 34
	maxRealTime = 64
)

// parseSignal reads "SIGTERM", "TERM", "15" or "SIGRTMIN+3".
func parseSignal(word string) (int, error) {
	if n, err := strconv.Atoi(word); err == nil {
		if n < 1 || n > maxRealTime || n == 32 || n == 33 {
			return 0, errors.New("no signal has that number")
		}
		return n, nil
	}
	name := strings.TrimPrefix(strings.ToUpper(word), "SIG")
	if n, found := signals[name]; found {
		return n, nil
	}
	return parseRealTime(name)
}

// parseRealTime reads "RTMIN", "RTMIN+N", "RTMAX" and "RTMAX-N".
func parseRealTime(name string) (int, error) {
	base, direction := minRealTime, "+"
	offset, found := strings.CutPrefix(name, "RTMIN")
	if !found {
		if offset, found = strings.CutPrefix(name, "RTMAX"); !found {
			return 0, errors.New("no signal has that name")
		}
		base, direction = maxRealTime, "-"
	}
	if offset == "" {
		return base, nil
	}
	digits, found := strings.CutPrefix(offset, direction)
	n, err := strconv.ParseUint(digits, 10, 8)
	switch {
	case !found || err != nil || n > maxRealTime-minRealTime:
		return 0, errors.New("no real-time signal has that name")
	case direction == "-":
		return base - int(n), nil
	default:
		return base + int(n), nil
	}
}

// parseExit reads an exit code, or the name of a signal.
func parseExit(word string) (generation.Exit, error) {
	if code, err := strconv.Atoi(word); err == nil {
		if code < 0 || code > 255 {
			return generation.Exit{}, errors.New("exit codes go from 0 to 255")
		}
		return generation.Exit{Code: code}, nil
	}
	signal, err := parseSignal(word)
	return generation.Exit{Signal: signal}, err
}
