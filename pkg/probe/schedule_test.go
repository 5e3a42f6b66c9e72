package probe

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"systemg.org/sysg/pkg/generation"
)

// Each attempt takes as long as took says, the last value repeated, and fails
// but for the one whose number is passes. The story lists when attempts begin.
func TestSchedule(t *testing.T) {
	const second = time.Second
	for name, test := range map[string]struct {
		check  generation.Probe
		took   []time.Duration
		passes int
		want   string
	}{
		"passes at once": {
			generation.Probe{Interval: 2 * second, Retries: 3}, nil, 1,
			"0s passed@0s",
		},
		"passes at the last attempt": {
			generation.Probe{Interval: 2 * second, Retries: 3}, nil, 3,
			"0s 2s 4s passed@4s",
		},
		"fails when its attempts are used up": {
			generation.Probe{Interval: 2 * second, Retries: 3}, nil, 0,
			"0s 2s 4s failed@4s: all 3 attempts failed within 4s",
		},
		"waits for the interval after each attempt": {
			generation.Probe{Interval: 2 * second, Retries: 3}, []time.Duration{second, 5 * second}, 0,
			"0s 3s 10s failed@15s: all 3 attempts failed within 15s",
		},
		"one attempt": {
			generation.Probe{Interval: 2 * second, Retries: 1}, []time.Duration{second}, 0,
			"0s failed@1s: the only attempt failed after 1s",
		},
		"no retries are one attempt": {
			generation.Probe{Interval: 2 * second}, nil, 0,
			"0s failed@0s: the only attempt failed after 0s",
		},
		"goes on while there is time, with a last attempt at its end": {
			generation.Probe{Interval: 2 * second, Retries: 2, TotalTimeout: 7 * second}, nil, 0,
			"0s 2s 4s 6s 7s failed@7s: all 5 attempts failed within 7s",
		},
		"passes at the end of its time": {
			generation.Probe{Interval: 2 * second, Retries: 2, TotalTimeout: 5 * second}, nil, 4,
			"0s 2s 4s 5s passed@5s",
		},
		"an attempt due exactly at the end is the last": {
			generation.Probe{Interval: 2 * second, Retries: 1, TotalTimeout: 4 * second}, nil, 0,
			"0s 2s 4s failed@4s: all 3 attempts failed within 4s",
		},
		"makes all its attempts though time is up": {
			generation.Probe{Interval: 2 * second, Retries: 4, TotalTimeout: 3 * second}, nil, 0,
			"0s 2s 4s 6s failed@6s: all 4 attempts failed within 6s",
		},
		"its last attempt falls on the end of its time": {
			generation.Probe{Interval: 2 * second, Retries: 3, TotalTimeout: 3 * second}, nil, 0,
			"0s 2s 3s failed@3s: all 3 attempts failed within 3s",
		},
		"an attempt under way at the end is waited for": {
			generation.Probe{Interval: 2 * second, Retries: 1, TotalTimeout: 5 * second}, []time.Duration{0, 30 * second}, 2,
			"0s 2s passed@32s",
		},
		"an interval of zero": {
			generation.Probe{Retries: 3}, []time.Duration{second}, 0,
			"0s 1s 2s failed@3s: all 3 attempts failed within 3s",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := story(test.check, test.took, test.passes); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func story(check generation.Probe, took []time.Duration, passes int) string {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	now := start
	schedule := Start(check, now)
	var told strings.Builder
	for i := 0; i < 100; i++ {
		fmt.Fprintf(&told, "%v ", now.Sub(start))
		number := schedule.Attempt()
		if number != i+1 {
			return fmt.Sprintf("attempt %d is number %d", i+1, number)
		}
		if len(took) > 0 {
			now = now.Add(took[min(i, len(took)-1)])
		}
		next := schedule.Result(now, number == passes)
		if next.Verdict == Again {
			now = next.At
			continue
		}
		fmt.Fprintf(&told, "%s@%v", next.Verdict, now.Sub(start))
		if next.Verdict == Failed {
			fmt.Fprintf(&told, ": %s", next.Reason)
		}
		return told.String()
	}
	return told.String() + "never ends"
}

func TestAWatchEndsWithFailuresInARow(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for results, want := range map[string]string{
		"....x.xx..xx": "goes on",
		"xxx":          "failed: 3 attempts in a row failed",
		"..xxx":        "failed: 3 attempts in a row failed",
		"xx.xx.xxx":    "failed: 3 attempts in a row failed",
	} {
		schedule := Watch(generation.Probe{Interval: time.Second, Retries: 3}, start)
		if first := schedule.First(); first != start.Add(time.Second) {
			t.Errorf("the first attempt is due at %v", first)
		}
		got := "goes on"
		for i, result := range results {
			now := start.Add(time.Duration(i) * time.Second)
			next := schedule.Result(now, result == '.')
			if next.Verdict == Failed {
				got = "failed: " + next.Reason
				if i != len(results)-1 {
					got += " too early"
				}
				break
			}
			if next.Verdict != Again || next.At != now.Add(time.Second) {
				t.Errorf("%s: after %d: %+v", results, i, next)
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", results, got, want)
		}
	}
	one := Watch(generation.Probe{Interval: time.Second, Retries: 1}, start)
	if next := one.Result(start, false); next.Reason != "an attempt failed" {
		t.Errorf("%+v", next)
	}
	if schedule := Start(generation.Probe{}, start); schedule.First() != start {
		t.Error("a health check does not begin at once")
	}
}

func TestDeadlineIsThatOfTheAttempt(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	schedule := Start(generation.Probe{AttemptTimeout: 30 * time.Second, TotalTimeout: time.Second}, now)
	if got := schedule.Deadline(now).Sub(now); got != 30*time.Second {
		t.Errorf("the deadline is after %v", got)
	}
}
