// Package probe finds out how a service is: it decides when a health check is
// made and when it has failed, makes the attempts that are connections, and
// reads what a service says of itself (sd_notify(3)).
//
// A Schedule is arithmetic: times come in, a decision goes out. Whoever uses it
// runs the check's command, or calls Connect, holds the timers, and counts an
// attempt that takes longer than the check's AttemptTimeout as failed. For one
// run of a service:
//
//	schedule := probe.Start(service.Health, now)   the first attempt is due now
//	next := schedule.Result(now, ok)               after each attempt
//
//	Passed   the service is healthy, the schedule has ended
//	Again    the next attempt is due at next.At
//	Failed   the check has failed, the schedule has ended
//
// Watch makes the schedule of a liveness check. That one never passes: it goes
// on until Retries attempts in a row have failed.
//
// # The rule
//
// The first success passes. After a failure the check waits for Interval and
// tries again, until both Retries attempts and, where there is one,
// TotalTimeout are used up. The one alone is not enough: a slow start may take
// all of its time, and a short time still gets all of its attempts. An attempt
// is made at the very end of TotalTimeout, so that a service that became
// healthy in the last interval passes; one under way at that moment is waited
// for.
package probe
