package supervisor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/store"
)

// The runs of scheduled units: what is kept of one from its begin to its end,
// and how it is found again after a restart of ours.

// cronMoved follows a scheduled unit from state to state.
func (s *Supervisor) cronMoved(v *service, next machine.State, cause machine.Cause) {
	c := v.cron
	switch next {
	case machine.Preparing, machine.Launching:
		if c.current == nil {
			s.beginRun(v)
		}
	case machine.Scheduled, machine.Down, machine.Waiting, machine.Skipped:
		if c.current != nil {
			s.finishRun(v, next, cause)
		}
	}
	if next == machine.Down || next == machine.Skipped {
		c.unschedule()
	}
}

// beginRun is the begin of a run: that which is owed.
func (s *Supervisor) beginRun(v *service) {
	c := v.cron
	c.current = &store.Run{Started: s.clock.Now(), Command: v.config.Command}
	if c.owed != nil {
		c.current.Planned = c.owed.planned
	}
	c.owed, c.interrupted, c.withdrawn = nil, "", false
	c.begun++
	c.current.Ticket = c.begun
}

// askedRun notes by which name a run is asked for. Its output is found by that.
func (v *service) askedRun(r *run) {
	if v.cron == nil || v.cron.current == nil {
		return
	}
	if r.role == spec.RoleMain {
		v.cron.current.Incarnation = r.incarnation
		return
	}
	v.cron.current.Before = r.incarnation
}

// launchedRun notes whose process a run is.
func (s *Supervisor) launchedRun(v *service, r *run) {
	if v.cron == nil || v.cron.current == nil || r.role != spec.RoleMain {
		return
	}
	v.cron.current.Incarnation, v.cron.current.PID = r.incarnation, r.pid
	names := userNames{}
	v.cron.current.User = orElse(names.ownerOf("/proc/"+strconv.Itoa(r.pid)), names.ownerOf("/proc/self"))
}

// limitRun ends a run that takes longer than it may. It counts from the launch,
// over a restart of ours too.
func (s *Supervisor) limitRun(v *service) {
	if v.cron == nil || v.run == nil {
		return
	}
	limit := v.config.Cron.Timeout
	began := v.run.started
	if now := time.Now(); began.IsZero() || began.After(now) {
		began = now
	}
	s.deadlines.set(v, deadline{at: began.Add(limit), event: machine.Condemn, cause: machine.Cause{
		Kind: machine.ByTimer, Code: api.CodeCronTimeout,
		Text: fmt.Sprintf("it did not end within %s (cron.timeout)", limit),
	}})
}

// endedRun notes how the process of a run ended.
func (s *Supervisor) endedRun(v *service, r *run) {
	if v.cron == nil || v.cron.current == nil || r.role != spec.RoleMain || r.exited == nil {
		return
	}
	run, exit := v.cron.current, lastExit(r.exited)
	run.Incarnation, run.Code, run.Signal = r.incarnation, exit.Code, exit.Signal
	run.UserMicros, run.SystemMicros = r.exited.Usage.UserMicros, r.exited.Usage.SystemMicros
	run.MaxRSS = r.exited.Usage.MaxRSS
	if !r.exited.Unknown && r.exited.At.After(run.Started) {
		v.cron.ended = r.exited.At
	}
	switch {
	case r.condemned != nil:
		run.Status = failedWith + reason(*r.condemned)
	case r.exited.Unknown:
		run.Status = interrupted + describe(r)
	case r.end().Succeeded(v.config.Success):
		run.Status = succeeded
	default:
		run.Status = failedWith + describe(r)
	}
}

// reason is a cause without the pronoun that it begins with.
func reason(cause machine.Cause) string { return strings.TrimPrefix(cause.Text, "it ") }

// finishRun puts the current run into the history.
func (s *Supervisor) finishRun(v *service, next machine.State, cause machine.Cause) {
	c := v.cron
	run := *c.current
	c.current = nil
	run.Completed, c.ended = c.ended, time.Time{}
	if run.Completed.IsZero() {
		run.Completed = s.clock.Now()
	}
	switch {
	case next != machine.Scheduled:
		run.Status = interrupted + reason(v.wish)
	case c.interrupted != "":
		run.Status = interrupted + c.interrupted
	case run.Status == "":
		run.Status = failedWith + reason(cause)
	}
	if !c.withdrawn {
		c.remember(run, v.config.Cron.History)
	}
}

// unrecord has the current run leave no record: its skip command said so.
func (v *service) unrecord() {
	if v.cron != nil {
		v.cron.withdrawn = true
	}
}

// recognise takes a run that was found, and that we did not live to note, for
// the one that was due.
func (s *Supervisor) recognise(v *service, started time.Time) {
	c := v.cron
	if c == nil || c.current == nil {
		return
	}
	c.current.Started = started
	if !c.at.IsZero() && !started.Before(c.at) {
		c.current.Planned, c.last = c.planned, c.planned
		c.planned, c.at = time.Time{}, time.Time{}
	}
}

// recoverRuns goes on where the last supervisor ended, once all that lives is
// known: a run that was to begin and of which there is nothing begins now.
func (s *Supervisor) recoverRuns(p *project) {
	for _, v := range p.crons {
		if c := v.cron; c.current != nil && !v.state.Alive() {
			c.owed = &owed{planned: c.current.Planned, cause: recovered("a run was about to begin")}
			c.current = nil
			p.stale = true
		}
	}
}

// job is what of a schedule goes to disk.
func (c *cron) job() store.Job {
	job := store.Job{Schedule: c.text, Planned: c.planned, At: c.at, Last: c.last, History: slices.Clone(c.history)}
	if c.owed != nil {
		job.Owed = &store.Owed{Planned: c.owed.planned, Why: c.owed.cause.Text}
	}
	if c.current != nil {
		run := *c.current
		job.Run = &run
	}
	return job
}

// restoreCron gives a schedule back what was saved. After a boot nothing of a
// run is left.
func (v *service) restoreCron(job store.Job, sameBoot bool) {
	c := v.cron
	if c == nil {
		return
	}
	c.last, c.history = job.Last, job.History
	if job.Schedule == c.text && v.wanted {
		c.planned, c.at = job.Planned, job.At
		if job.Owed != nil {
			c.owed = &owed{planned: job.Owed.Planned, cause: recovered(job.Owed.Why)}
		}
	}
	if job.Run == nil {
		return
	}
	if sameBoot && v.state != machine.Down {
		c.current = job.Run
		return
	}
	lost := *job.Run
	lost.Status = interrupted + "the machine was started meanwhile"
	if sameBoot {
		lost.Status = interrupted + "its state could not be read"
	}
	c.remember(lost, v.config.Cron.History)
}

// records are the schedules of a project.
func (p *project) records() store.Cron {
	cron := store.Cron{Version: store.Version, Jobs: map[string]store.Job{}}
	for name, v := range p.crons {
		cron.Jobs[name] = v.cron.job()
	}
	return cron
}
