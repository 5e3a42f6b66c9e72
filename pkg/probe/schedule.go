package probe

import (
	"fmt"
	"time"

	"systemg.org/sysg/pkg/generation"
)

// Verdict is what an attempt's result means for the check.
type Verdict string

// The verdicts.
const (
	Passed Verdict = "passed"
	Failed Verdict = "failed"
	Again  Verdict = "again"
)

// Next is what to do after an attempt.
type Next struct {
	Verdict Verdict
	// At is when the next attempt is due, with Again.
	At time.Time
	// Reason says how the check failed, for people, with Failed.
	Reason string
}

// Schedule is the progress of one check. Start and Watch make one.
type Schedule struct {
	check    generation.Probe
	started  time.Time
	attempts int
	watches  bool // attempts are those that failed in a row
}

// Start begins a check, whose first attempt is due now.
func Start(check generation.Probe, now time.Time) Schedule {
	check.Retries = max(check.Retries, 1)
	return Schedule{check: check, started: now}
}

// Watch begins the check of a service that is ready. It ends only when it has
// failed. The first attempt is due at First.
func Watch(check generation.Probe, now time.Time) Schedule {
	s := Start(check, now)
	s.watches = true
	return s
}

// First is when the first attempt is due.
func (s *Schedule) First() time.Time {
	if s.watches {
		return s.started.Add(s.check.Interval)
	}
	return s.started
}

// Attempt is the number of the attempt that is due or under way, from 1.
func (s *Schedule) Attempt() int { return s.attempts + 1 }

// Deadline is when an attempt that begins now counts as failed.
func (s *Schedule) Deadline(now time.Time) time.Time { return now.Add(s.check.AttemptTimeout) }

// Result takes the end of an attempt. It is called once for each.
func (s *Schedule) Result(now time.Time, ok bool) Next {
	if s.watches {
		return s.watched(now, ok)
	}
	s.attempts++
	if ok {
		return Next{Verdict: Passed}
	}
	// Without a total timeout this is the start, and long past.
	end := s.started.Add(s.check.TotalTimeout)
	enough := s.attempts >= s.check.Retries
	if enough && !now.Before(end) {
		return Next{Verdict: Failed, Reason: s.reason(now)}
	}
	at := now.Add(s.check.Interval)
	if s.attempts+1 >= s.check.Retries && now.Before(end) && at.After(end) {
		at = end
	}
	return Next{Verdict: Again, At: at}
}

// watched takes the end of an attempt of a check that goes on.
func (s *Schedule) watched(now time.Time, ok bool) Next {
	s.attempts++
	if ok {
		s.attempts = 0
	}
	switch {
	case s.attempts < s.check.Retries:
		return Next{Verdict: Again, At: now.Add(s.check.Interval)}
	case s.attempts == 1:
		return Next{Verdict: Failed, Reason: "an attempt failed"}
	}
	return Next{Verdict: Failed, Reason: fmt.Sprintf("%d attempts in a row failed", s.attempts)}
}

func (s *Schedule) reason(now time.Time) string {
	took := now.Sub(s.started).Round(time.Millisecond)
	if s.attempts == 1 {
		return fmt.Sprintf("the only attempt failed after %v", took)
	}
	return fmt.Sprintf("all %d attempts failed within %v", s.attempts, took)
}
