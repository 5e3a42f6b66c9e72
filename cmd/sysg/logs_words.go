package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// readTime reads a time as --since and --until take it: RFC 3339, a day in UTC,
// or an age. None is the zero time.
func readTime(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	age, err := readAge(text)
	if err != nil {
		return time.Time{}, &usage{"logs", fmt.Sprintf("--%s is a time (2026-01-31T12:00:00Z), a day (2026-01-31) or an age (30m, 2h, 7d), not %q", flag, text)}
	}
	return now.Add(-age), nil
}

// ages are the units of an age. A number alone counts seconds.
var ages = map[string]time.Duration{
	"": time.Second, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

func readAge(text string) (time.Duration, error) {
	number, unit := splitUnit(text)
	count, err := strconv.ParseInt(number, 10, 64)
	size, known := ages[strings.ToLower(unit)]
	if err != nil || !known || count < 0 || count > int64(math.MaxInt64/size) {
		return 0, fmt.Errorf("is a number with s, m, h, d or w, not %q", text)
	}
	return time.Duration(count) * size, nil
}

// readInterval reads how often --stream shows the log; "" is 0.
func readInterval(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	interval, err := time.ParseDuration(text)
	if err != nil {
		interval, err = readAge(text)
	}
	if err != nil || interval <= 0 {
		return 0, &usage{"logs", fmt.Sprintf("--stream is a time such as 2, 500ms or 1m, not %q", text)}
	}
	return interval, nil
}

// sizes are the units of a size, each 1024 times the one before it.
var sizes = []string{"b", "k", "m", "g", "t"}

// readSize reads a size such as 10M or 1.5 GiB.
func readSize(text string) (int64, error) {
	number, unit := splitUnit(text)
	value, err := strconv.ParseFloat(number, 64)
	unit = strings.ToLower(unit)
	if len(unit) > 1 {
		unit = strings.TrimSuffix(strings.TrimSuffix(unit, "b"), "i")
	}
	for _, known := range sizes {
		if unit == known || unit == "" {
			break
		}
		value *= 1024
	}
	known := unit == ""
	for _, u := range sizes {
		known = known || unit == u
	}
	if err != nil || !known || !(value >= 0) || value > 1<<62 {
		return 0, fmt.Errorf("is a number with b, k, m, g or t, not %q", text)
	}
	return int64(value), nil
}

// splitUnit takes a number and its unit apart.
func splitUnit(text string) (number, unit string) {
	text = strings.TrimSpace(text)
	i := strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if i < 0 {
		return text, ""
	}
	return text[:i], strings.TrimSpace(text[i:])
}
