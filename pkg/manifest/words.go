package manifest

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"systemg.org/sysg/pkg/generation"
)

// The functions here read one word each. Their errors complete a sentence and
// never quote the word, which may be the value of a variable.

// units are those of durations, longest first where one begins another.
var units = []struct {
	suffix string
	length time.Duration
}{
	{"ms", time.Millisecond}, {"s", time.Second}, {"m", time.Minute}, {"h", time.Hour}, {"d", 24 * time.Hour},
}

// parseDuration reads "500ms", "1m30s", or a bare number of seconds.
func parseDuration(word string) (time.Duration, error) {
	rest := strings.TrimPrefix(word, "+")
	var total time.Duration
	for first := true; first || rest != ""; first = false {
		n, after, err := leadingNumber(rest)
		if err != nil {
			return 0, err
		}
		unit := time.Second
		if after = strings.TrimLeft(after, " "); after != "" || !first {
			if unit, after, err = leadingUnit(after); err != nil {
				return 0, err
			}
		}
		if n > uint64((math.MaxInt64-total)/unit) {
			return 0, errors.New("longer than 292 years")
		}
		total += time.Duration(n) * unit
		rest = strings.TrimLeft(after, " ")
	}
	return total, nil
}

func leadingUnit(s string) (time.Duration, string, error) {
	for _, u := range units {
		if after, found := strings.CutPrefix(s, u.suffix); found {
			return u.length, after, nil
		}
	}
	return 0, "", errors.New("a number without a known unit")
}

func leadingNumber(s string) (uint64, string, error) {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	if n == 0 {
		return 0, "", errors.New("not a whole number")
	}
	number, err := strconv.ParseUint(s[:n], 10, 64)
	if err != nil {
		return 0, "", errors.New("too large")
	}
	return number, s[n:], nil
}

func parsePositive(word string) (time.Duration, error) {
	d, err := parseDuration(word)
	if err == nil && d == 0 {
		return 0, errors.New("it must be more than 0")
	}
	return d, err
}

// parseRetry reads a duration or "never", which is 0.
func parseRetry(word string) (time.Duration, error) {
	if word == "never" {
		return 0, nil
	}
	return parsePositive(word)
}

// parseSize reads "1048576", "10M", "10MiB" or "1_000"; K is 1024.
func parseSize(word string) (uint64, error) {
	digits := strings.TrimRight(strings.ReplaceAll(word, "_", ""), "BbIiKkMmGgTt ")
	number, rest, err := leadingNumber(digits)
	if err != nil || rest != "" {
		return 0, errors.New("not a whole number with a known suffix")
	}
	suffix := strings.ToUpper(strings.TrimSpace(strings.TrimPrefix(strings.ReplaceAll(word, "_", ""), digits)))
	shift, found := map[string]int{"": 0, "B": 0, "K": 10, "M": 20, "G": 30, "T": 40}[trimByteUnit(suffix)]
	if !found {
		return 0, errors.New("not a whole number with a known suffix")
	}
	if number > math.MaxUint64>>shift {
		return 0, errors.New("too large")
	}
	return number << shift, nil
}

// trimByteUnit leaves K of K, KB and KIB.
func trimByteUnit(suffix string) string {
	if len(suffix) < 2 {
		return suffix
	}
	if rest := suffix[1:]; rest == "B" || rest == "IB" {
		return suffix[:1]
	}
	return suffix
}

// parseLogSize reads a size that a log file can have.
func parseLogSize(word string) (uint64, error) {
	n, err := parseSize(word)
	if err == nil && (n == 0 || n > math.MaxInt64) {
		return 0, errors.New("a log file cannot have that size")
	}
	return n, err
}

// parseLimit reads "N" or "SOFT:HARD", each a size or "unlimited".
func parseLimit(word string) (generation.Rlimit, error) {
	softWord, hardWord, both := strings.Cut(word, ":")
	if !both {
		hardWord = softWord
	}
	soft, err := parseOneLimit(softWord)
	if err != nil {
		return generation.Rlimit{}, err
	}
	hard, err := parseOneLimit(hardWord)
	if err != nil {
		return generation.Rlimit{}, err
	}
	if soft > hard {
		return generation.Rlimit{}, errors.New("the soft limit is above the hard one")
	}
	return generation.Rlimit{Soft: soft, Hard: hard}, nil
}

func parseOneLimit(word string) (uint64, error) {
	if word == "unlimited" {
		return generation.Unlimited, nil
	}
	return parseSize(word)
}

// parseUmask reads octal digits, with or without a leading 0 or 0o.
func parseUmask(word string) (uint32, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(word, "0o"), 8, 32)
	if err != nil || n > 0o777 {
		return 0, errors.New("not an octal number up to 0777")
	}
	return uint32(n), nil
}

func parseBool(word string) (bool, error) {
	switch word {
	case "true", "True", "TRUE":
		return true, nil
	case "false", "False", "FALSE":
		return false, nil
	}
	return false, errors.New("it is neither")
}

// checkID holds for the names of projects and services: they become names of
// files, of cgroups and of units.
func checkID(id string) error {
	switch {
	case id == "" || len(id) > 64:
		return errors.New("it must have 1 to 64 characters")
	case id[0] == '.' || id[0] == '-':
		return errors.New("it must not begin with . or -")
	}
	for _, c := range []byte(id) {
		if !isIDByte(c) {
			return errors.New("only letters, digits, _ . and - are allowed")
		}
	}
	return nil
}

func isIDByte(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '_' || c == '.' || c == '-'
}
