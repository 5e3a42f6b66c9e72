package supervisor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/order"
	"systemg.org/sysg/pkg/store"
)

// recentRuns is how many runs a status tells of; `sysg cron history` has all.
const recentRuns = 10

// cronWords is status.v1's state, lifecycle and health of a scheduled unit: it
// is as its last run was. ok is false where its phase says more.
func (v *service) cronWords() (state, lifecycle, health string, ok bool) {
	if v.cron == nil {
		return "", "", "", false
	}
	switch v.state {
	case machine.Starting, machine.Ready, machine.Ending:
		if v.run != nil && v.run.pid != 0 && v.run.exited == nil {
			return "running", "running", "healthy", true
		}
	case machine.Scheduled, machine.Preparing, machine.Launching:
	default:
		return "", "", "", false
	}
	last := v.cron.lastRun()
	switch {
	case v.cron.broken != nil:
		return "queued", "", "failing", true
	case last == nil || strings.HasPrefix(last.Status, interrupted):
		return "queued", "", "idle", true
	case last.Status == overlapped:
		return "overlap", "", "warn", true
	case last.Status == succeeded:
		return "done", "exited_successfully", "healthy", true
	}
	return "failed", "exited_with_error", "failing", true
}

// cronBecause is the cause of the phase scheduled: what is to come, and what
// keeps a run that is due.
func (v *service) cronBecause() string {
	c := v.cron
	text := "its schedule never comes again"
	switch {
	case c.broken != nil:
		return "its schedule cannot be read: " + c.broken.Error()
	case !c.at.IsZero():
		text = "it runs next at " + v.local(c.at).Format(time.DateTime+" MST")
	}
	if last := c.lastRun(); last != nil && strings.HasPrefix(last.Status, failedWith) {
		text += "; its last run failed: " + strings.TrimPrefix(last.Status, failedWith)
	}
	if c.owed != nil {
		if _, blocked := v.blocker(); blocked != "" {
			return "a run is due and waits for " + blocked
		}
	}
	return text
}

// local is a time on the clock that the schedule goes by.
func (v *service) local(at time.Time) time.Time {
	if next, ok := v.cron.schedule.Next(at); ok {
		return at.In(next.Location())
	}
	return at
}

// cronStatus is the schedule of a unit and its newest runs, the newest first;
// most is how many, negative for all.
func (v *service) cronStatus(most int) *api.Cron {
	c := v.cron
	shown := &api.Cron{TimezoneLabel: zoneLabel(v.config.Cron.Timezone, time.Now()), RecentRuns: []api.CronRun{}}
	if zone := v.config.Cron.Timezone; zone != "local" {
		shown.Timezone = zone
	}
	if !c.at.IsZero() {
		shown.NextRun = v.local(c.at).Format(time.RFC3339)
	}
	runs := slices.Clone(c.history)
	if c.current != nil {
		runs = append(runs, *c.current)
	}
	// The history is in the order of ends.
	order.By(runs, func(a, b *store.Run) int { return a.Started.Compare(b.Started) })
	for i := len(runs) - 1; i >= 0 && len(shown.RecentRuns) != most; i-- {
		shown.RecentRuns = append(shown.RecentRuns, cronRun(runs[i]))
	}
	if len(shown.RecentRuns) > 0 {
		shown.LastRun = shown.RecentRuns[0].StartedAt
	}
	return shown
}

// zoneLabel names a zone for people, as the older program does.
func zoneLabel(zone string, now time.Time) string {
	if zone != "local" {
		return zone
	}
	name, offset := now.Local().Zone()
	sign := '+'
	if offset < 0 {
		sign, offset = '-', -offset
	}
	return fmt.Sprintf("local (%s%c%02d:%02d)", name, sign, offset/3600, offset/60%60)
}

// cronRun is one run for a client.
func cronRun(run store.Run) api.CronRun {
	shown := api.CronRun{
		StartedAt: timestamp(run.Started), Status: run.Status, ExitCode: run.Code, Signal: run.Signal,
		PID: run.PID, User: run.User, Command: run.Command,
		CPUMicros: uint64(run.UserMicros + run.SystemMicros), MemoryPeak: uint64(run.MaxRSS),
		Incarnation: run.Incarnation, Before: run.Before, Metrics: []api.Sample{},
	}
	if !run.Planned.IsZero() {
		shown.PlannedAt = timestamp(run.Planned)
	}
	if !run.Completed.IsZero() {
		shown.CompletedAt = timestamp(run.Completed)
		shown.DurationMillis = run.Completed.Sub(run.Started).Milliseconds()
	}
	return shown
}
