package machine

import (
	"time"

	"systemg.org/sysg/pkg/generation"
)

// End is how a service's main process came to its end.
type End struct {
	// Code is the exit code, where Signal is 0.
	Code int
	// Signal is what killed it.
	Signal int
	// Unknown is set where nobody saw the status; it counts as a failure.
	Unknown bool
	// Condemned is set where we ended it for a failure of its own, or where
	// it never came to run: then Code and Signal do not matter.
	Condemned bool
}

// Succeeded reports whether the service calls this end a success.
func (e End) Succeeded(success []generation.Exit) bool {
	return !e.Condemned && !e.Unknown && e.in(success)
}

func (e End) in(exits []generation.Exit) bool {
	for _, exit := range exits {
		if exit.Signal == e.Signal && (e.Signal != 0 || exit.Code == e.Code) {
			return true
		}
	}
	return false
}

// Judge decides what follows an end: one of the verdict events. restarts is how
// often the service has been tried again without a steady run between.
func Judge(service generation.Service, end End, restarts int) Event {
	policy := service.Restart.Policy
	succeeded := end.Succeeded(service.Success)
	switch {
	case service.Cron != nil:
		return Schedule // Its history tells how the run went.
	case succeeded && service.Lazy:
		return Listen
	case succeeded && policy != generation.Always:
		return Finish
	case !succeeded && policy == generation.Never:
		return Fail
	case !end.Condemned && !end.Unknown && end.in(service.NoRestart):
		if succeeded {
			return Finish
		}
		return Fail
	case restarts >= service.Restart.MaxRestarts:
		return GiveUp
	}
	return Retry
}

// Delay is how long to wait before the next try when restarts tries have failed
// already: it doubles from Backoff up to MaxBackoff.
func Delay(restart generation.Restart, restarts int) time.Duration {
	delay := restart.Backoff
	for range restarts {
		if delay >= restart.MaxBackoff/2 {
			return max(restart.Backoff, restart.MaxBackoff)
		}
		delay *= 2
	}
	return delay
}
