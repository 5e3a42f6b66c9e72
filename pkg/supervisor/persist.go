package supervisor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/plan"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/store"
)

// record is what of a project goes to disk: wishes, states, and what identifies
// the current runs. Everything else follows from it or is asked anew.
func (p *project) record(bootID string) store.Project {
	g := &p.generation
	record := store.Project{
		State: store.State{
			Version: store.Version, Project: g.Project, Generation: g.Number, Hash: g.Hash,
			Foreground: p.foreground, Services: make(map[string]store.Service, len(p.services)),
		},
		Processes: store.Processes{Version: store.Version, BootID: bootID, Services: map[string]store.Process{}},
		Cron:      p.records(),
	}
	for name, v := range p.services {
		record.State.Services[name] = v.record()
		if r := v.run; r != nil && r.pid != 0 && r.exited == nil {
			record.Processes.Services[name] = store.Process{
				PID: r.pid, Incarnation: r.incarnation, Started: r.started, Cgroup: r.cgroup,
			}
		}
	}
	return record
}

func (v *service) record() store.Service {
	cause, err := json.Marshal(v.cause)
	if err != nil {
		panic("bug: a cause that does not marshal: " + err.Error())
	}
	record := store.Service{
		Want: store.Down, Phase: string(v.state), Since: v.since, Cause: cause,
		Again: v.again || v.trial != nil && !v.trial.passed(plan.DeedPromote), Unskipped: v.unskipped, Alone: v.alone, Restarts: v.total, Consecutive: v.restarts, NextRetryAt: v.retryAt, LastExit: v.lastEnd,
	}
	if v.wanted || v.resting {
		record.Want, record.Resting = store.Up, !v.wanted
	}
	if v.run != nil {
		record.Incarnation = v.run.incarnation
	}
	record.Witnesses = slices.Clone(v.witnesses)
	record.Slot, record.Successor = v.slot, v.successor()
	if v.run != nil {
		record.Definition = v.run.definition
		record.StatusText, record.SubState = v.run.status, v.run.sub
	}
	return record
}

// load takes up what was going on when the last supervisor ended.
func (s *Supervisor) load() error {
	names, err := s.generations.Projects()
	if err != nil {
		return fmt.Errorf("cannot read the installed projects: %w", err)
	}
	for _, name := range names {
		if err := s.loadProject(name); err != nil {
			s.log.Error("Cannot take up a project, ignoring it until it is started", "project", name, "error", err)
		}
	}
	return nil
}

func (s *Supervisor) loadProject(name string) error {
	stored, err := s.states.Load(name)
	corrupt := (*store.CorruptError)(nil)
	if errors.As(err, &corrupt) {
		aside, moveErr := store.SetAside(corrupt)
		if moveErr != nil {
			return moveErr
		}
		s.log.Error("A state file was not readable; what still runs is kept", "kept", aside, "error", err)
	} else if errors.Is(err, fs.ErrNotExist) {
		return nil // installed, never started
	} else if err != nil {
		return err
	}
	s.setAsideCron(name, stored.CronError)
	supervise, err := s.workedFrom(name, stored.State.Generation)
	if err != nil {
		return err
	}
	p := &project{
		generation: supervise, services: map[string]*service{},
		foreground: stored.State.Foreground, lost: corrupt != nil,
	}
	s.projects[name] = p
	s.boundBy(supervise)
	for _, config := range supervise.Services {
		v := p.configure(config)
		if record, known := stored.State.Services[config.Name]; known {
			s.restore(v, record, stored.Processes.BootID == s.bootID)
			v.restoreCron(stored.Cron.Jobs[config.Name], stored.Processes.BootID == s.bootID)
		}
	}
	return nil
}

// workedFrom is the generation that the services were started from, if it may
// still be launched, else the active one.
func (s *Supervisor) workedFrom(name string, number int) (generation.Supervise, error) {
	active, err := s.generations.Active(name)
	if err != nil {
		return generation.Supervise{}, err
	}
	if number == active-1 && number > 0 {
		if supervise, err := s.generations.Supervise(name, number); err == nil {
			return supervise, nil
		}
	}
	return s.generations.Supervise(name, active)
}

// restore gives a service the state in which it was saved. After a boot nothing
// of before is left: what was wanted starts anew. A foreground project was
// never meant to outlive its client, whose connection is gone.
func (s *Supervisor) restore(v *service, record store.Service, sameBoot bool) {
	v.wanted = record.Want == store.Up && !v.project.foreground
	if record.Resting && sameBoot {
		v.wanted, v.resting = false, v.wanted
	}
	v.total, v.lastEnd = record.Restarts, record.LastExit
	v.slot = record.Slot
	v.wish = machine.Cause{Kind: machine.ByRecovery, Text: "it was wanted before the supervisor was restarted"}
	if !sameBoot {
		v.cause = machine.Cause{Kind: machine.ByRecovery, Text: "the machine was started"}
		return
	}
	v.restarts, v.again = record.Consecutive, record.Again && v.wanted
	v.gently = v.again
	v.unskipped = record.Unskipped
	v.alone = record.Alone
	if !sensible(record) {
		v.cause = machine.Cause{Kind: machine.ByRecovery, Text: "its state could not be read"}
		return // What runs of it is found nevertheless.
	}
	v.state, v.since, v.witnesses = machine.State(record.Phase), record.Since, record.Witnesses
	v.retryAt = v.withinReason(record.NextRetryAt)
	if err := json.Unmarshal(record.Cause, &v.cause); err != nil {
		v.cause = machine.Cause{Kind: machine.ByRecovery, Text: "the cause was not recorded"}
	}
	if v.state.Alive() {
		v.run = &run{service: v, role: spec.RoleMain, incarnation: record.Incarnation, number: v.project.generation.Number}
		if v.state == machine.Preparing {
			v.run.role = spec.RolePreStart
		}
		v.run.definition = record.Definition
		v.run.status, v.run.sub = record.StatusText, record.SubState
		s.runs[record.Incarnation] = v.run
	}
	s.recoverSuccessor(v, record.Successor)
	if failing(v.state) && !v.retryAt.IsZero() {
		s.deadlines.set(v, deadline{
			at: v.retryAt, event: machine.Due,
			cause: machine.Cause{Kind: machine.ByPolicy, Text: "its time to wait is over"},
		})
	}
}

// sensible reports whether a record that was read is one that we wrote.
func sensible(record store.Service) bool {
	state := machine.State(record.Phase)
	return slices.Contains(machine.States[:], state) && (!state.Alive() || spec.ValidIncarnation(record.Incarnation))
}

// withinReason is the time of the next try, but not later than it could be if
// the service had failed now: the clock may have been set back since.
func (v *service) withinReason(at time.Time) time.Time {
	longest := max(v.config.Restart.Backoff, v.config.Restart.MaxBackoff)
	if v.state == machine.GivenUp {
		longest = v.config.Restart.RetryAfter
	}
	latest := time.Now().Add(longest)
	if v.state == machine.GivenUp && longest == 0 {
		return time.Time{}
	}
	if at.After(latest) || at.IsZero() && v.state == machine.BackingOff {
		return latest
	}
	return at
}

// lastExit is the record of a run's end.
func lastExit(exited *spec.Exited) *store.Exit {
	exit := &store.Exit{At: exited.At, Unknown: exited.Unknown}
	code, signal := exitCode(exited.Status), exitSignal(exited.Status)
	switch {
	case exited.Unknown:
	case signal != 0:
		exit.Signal = &signal
	default:
		exit.Code = &code
	}
	if oom := exited.OOM; oom != nil {
		exit.OOMKills, exit.MemoryLimit = oom.Kills, oom.Limit
	}
	return exit
}

// timestamp is how times are shown to clients.
func timestamp(at time.Time) string { return at.Format(time.RFC3339Nano) }
