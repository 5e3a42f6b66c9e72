package supervisor

import (
	"context"
	"slices"
	"strings"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
)

// Status is the state of services at this moment. The loop gives what it knows;
// what the kernel knows is read after that, so that a status of many services
// holds up nothing.
func (s *Supervisor) Status(ctx context.Context, _ api.Caller, params api.Status) (api.Snapshot, error) {
	snapshot := api.Snapshot{SchemaVersion: api.SchemaVersion, OverallHealth: "healthy", Units: []api.Unit{}}
	err := s.consult(ctx, func() error {
		if params.Project != "" && s.projects[params.Project] == nil {
			return unknownProject(params.Project)
		}
		for _, p := range s.scope(params.Project) {
			if err := p.units(params.Services, &snapshot.Units); err != nil && params.Project != "" {
				return err
			}
		}
		if !s.connected {
			snapshot.Notes = append(snapshot.Notes, "sysg-exec does not answer: what is shown is what was last known, and nothing can be started")
		}
		return nil
	})
	if err != nil {
		return snapshot, err
	}
	slices.SortFunc(snapshot.Units, func(a, b api.Unit) int { return strings.Compare(a.Hash, b.Hash) })
	snapshot.CapturedAt = timestamp(time.Now())
	names := userNames{}
	for i := range snapshot.Units {
		measure(&snapshot.Units[i], names)
		snapshot.OverallHealth = worse(snapshot.OverallHealth, snapshot.Units[i].Health)
	}
	contain(&snapshot)
	return snapshot, nil
}

// contain says how processes are held together.
func contain(snapshot *api.Snapshot) {
	for _, unit := range snapshot.Units {
		if unit.Process == nil {
			continue
		}
		snapshot.Containment = "cgroup"
		if unit.Cgroup == "" {
			snapshot.Containment = "session"
			snapshot.Notes = append(snapshot.Notes, "no cgroup v2 to use: processes are contained by their sessions only")
		}
		return
	}
}

func worse(a, b string) string {
	order := []string{"idle", "healthy", "warn", "failing"}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

// units appends what the loop knows of the project's services.
func (p *project) units(names []string, units *[]api.Unit) error {
	names, err := p.pick(names)
	for _, name := range names {
		*units = append(*units, p.services[name].unit())
	}
	return err
}

func (v *service) unit() api.Unit {
	g := &v.project.generation
	state, lifecycle, health := v.words()
	unit := api.Unit{
		Name: v.config.Name, Hash: "v2:" + g.Project + ":" + v.config.Name, Kind: "service",
		Project: api.UnitProject{
			ID: g.Project, Name: g.Name, Mode: mode(v.project.foreground),
			ConfigPath: g.Manifest, Loose: g.Loose, Generation: g.Number,
		},
		Lifecycle: lifecycle, State: state, Phase: string(v.state), Cause: v.because(),
		Intent: intent(v.config.Restart.Policy), Health: health,
		Restarts: v.total, Command: v.config.Command, Children: []any{},
	}
	if !v.retryAt.IsZero() && failing(v.state) {
		unit.NextRetryAt = timestamp(v.retryAt)
	}
	v.addRun(&unit)
	return unit
}

// addRun tells of the current process and of the last end.
func (v *service) addRun(unit *api.Unit) {
	if r := v.run; r != nil && r.pid != 0 {
		unit.Incarnation, unit.Cgroup = r.incarnation, r.cgroup
		if r.exited == nil {
			unit.Process = &api.Process{PID: r.pid, State: "running"}
			unit.Uptime = uptime(r.started)
		}
	}
	if v.lastEnd != nil {
		unit.LastExit = &api.Exit{
			Code: v.lastEnd.Code, Signal: v.lastEnd.Signal,
			At: timestamp(v.lastEnd.At), Unknown: v.lastEnd.Unknown,
		}
	}
}

// because is the cause of the state; for one that waits, what it waits for now.
func (v *service) because() string {
	if v.state == machine.Waiting {
		if other, text := v.blocker(); other != nil {
			return text
		}
	}
	return v.cause.Text
}

// words translates our state into status.v1's state, lifecycle and health.
func (v *service) words() (state, lifecycle, health string) {
	switch v.state {
	case machine.Starting, machine.Ready, machine.Stopping, machine.Restarting:
		switch {
		case v.run == nil || v.run.exited != nil || v.run.pid == 0:
			// Its process has ended, or after a restart of ours without
			// sysg-exec nobody knows.
			return "queued", "", "warn"
		case v.state == machine.Ready:
			return "running", "running", "healthy"
		}
		return "running", "running", "warn"
	case machine.Waiting, machine.Preparing, machine.Launching:
		return "queued", "", "warn"
	case machine.Done:
		return "done", "exited_successfully", "healthy"
	case machine.Ending, machine.BackingOff, machine.GivenUp, machine.Failed:
		return "failed", "exited_with_error", "failing"
	}
	return "stopped", "stopped", "idle"
}

func mode(foreground bool) string {
	if foreground {
		return "foreground"
	}
	return "daemon"
}

func intent(policy generation.Policy) string {
	if policy == generation.Never {
		return "once"
	}
	return "unspecified"
}

func uptime(since time.Time) *api.Uptime {
	up := max(time.Since(since), 0)
	return &api.Uptime{
		Seconds: int64(up.Seconds()), Human: up.Round(time.Second).String(),
		StartedAt: timestamp(since),
	}
}

// consult runs f in the loop and waits for it. While we are on our way to
// sysg-exec it is put off until we know what lives: what the state files say is
// where to look, not the truth.
func (s *Supervisor) consult(ctx context.Context, f func() error) error {
	answer := make(chan error, 1)
	s.inbox.post(func() {
		s.questions = append(s.questions, func() { answer <- f() })
		s.reconnect()
	})
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
