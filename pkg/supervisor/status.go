package supervisor

import (
	"context"
	"slices"
	"strings"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/metrics"
	"systemg.org/sysg/pkg/order"
	"systemg.org/sysg/pkg/plan"
	"systemg.org/sysg/pkg/store"
)

// Status is the state of services at this moment. The loop gives what it knows;
// what the kernel knows is read after that, so that a status of many services
// holds up nothing.
func (s *Supervisor) Status(ctx context.Context, _ api.Caller, params api.Status) (api.Snapshot, error) {
	snapshot := api.Snapshot{SchemaVersion: api.SchemaVersion, OverallHealth: "healthy", Units: []api.Unit{}}
	var seen []sighting
	err := s.consult(ctx, func() error {
		if params.Project != "" && s.projects[params.Project] == nil {
			return unknownProject(params.Project)
		}
		for _, p := range s.scope(params.Project) {
			if err := p.sight(params, &seen); err != nil && params.Project != "" {
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
	order.By(seen, func(a, b *sighting) int { return strings.Compare(a.unit.Hash, b.unit.Hash) })
	snapshot.CapturedAt = timestamp(time.Now())
	s.measure(seen, params.Detail)
	for _, sighting := range seen {
		s.outputTrouble(&sighting)
		snapshot.Units = append(snapshot.Units, sighting.unit)
		snapshot.OverallHealth = worse(snapshot.OverallHealth, sighting.unit.Health)
	}
	contain(&snapshot)
	return snapshot, nil
}

// Watch emits the status again and again until ctx ends; meanwhile what it
// shows is measured.
func (s *Supervisor) Watch(ctx context.Context, by api.Caller, params api.Status, emit func(api.Reply) error) error {
	defer s.observe(params.Project, params.Services)()
	return every(ctx, time.Duration(params.StreamMillis)*time.Millisecond, func() error {
		snapshot, err := s.Status(ctx, by, params)
		if err != nil {
			return err
		}
		return emit(api.Reply{Snapshot: &snapshot})
	})
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

// sighting is what the loop knows of a service, for the kernel to complete.
type sighting struct {
	unit   api.Unit
	began  time.Time
	target metrics.Target // without a process where nothing runs
	// journaled: its output is for journald.
	journaled bool
}

// sight appends what the loop knows of the project's services.
func (p *project) sight(params api.Status, seen *[]sighting) error {
	names, err := p.pick(params.Services)
	if params.All && len(params.Services) == 0 {
		names = p.names
	}
	graph := p.graph() // once, since each waiting service asks what it waits for
	boot := p.boot(graph)
	for _, name := range names {
		v := p.services[name]
		sighting := sighting{unit: v.unit(graph), journaled: v.config.Logs.Sink == generation.SinkJournal}
		sighting.unit.Project.Boot = &boot
		if v.run != nil && v.run.exited == nil {
			sighting.began, sighting.target = v.run.started, v.run.target()
		}
		*seen = append(*seen, sighting)
	}
	return err
}

// boot is how far a project has come with what is wanted of it.
func (p *project) boot(graph plan.Graph) api.Boot {
	boot := api.Boot{Settled: true, Failed: []string{}}
	for _, name := range p.names {
		v := p.services[name]
		switch {
		case failing(v.state):
			if boot.Failed = append(boot.Failed, name); boot.Cause == "" {
				boot.Cause = name + ": " + v.cause.Text
			}
		case v.state == machine.Waiting && v.hopelessIn(graph):
			boot.Failed = append(boot.Failed, name)
		case !v.state.Settled():
			boot.Settled = false
		}
	}
	return boot
}

func (v *service) unit(graph plan.Graph) api.Unit {
	g := &v.project.generation
	state, lifecycle, health := v.words()
	unit := api.Unit{
		Name: v.config.Name, Hash: "v2:" + g.Project + ":" + v.config.Name, Kind: "service",
		Project: api.UnitProject{
			ID: g.Project, Name: g.Name, Mode: mode(v.project.foreground),
			ConfigPath: g.Manifest, Loose: g.Loose, Generation: g.Number,
		},
		Lifecycle: lifecycle, State: state, Phase: string(v.state), Cause: v.because(graph),
		Intent: intent(v.config), Health: health,
		Restarts: v.total, Command: v.config.Command, Children: v.childTree(),
	}
	if !v.retryAt.IsZero() && failing(v.state) {
		unit.NextRetryAt = timestamp(v.retryAt)
	}
	v.addRun(&unit)
	if v.cron != nil {
		unit.Kind, unit.Cron = "cron", v.cronStatus(recentRuns)
	}
	if v.removed {
		unit.Kind, unit.Intent = "orphaned", "orphan"
		if unit.Process != nil {
			unit.Intent = "manual"
		}
	}
	unit.Notes = v.noted()
	v.addConfinement(&unit)
	return unit
}

// addRun tells of the current process and of the last end.
func (v *service) addRun(unit *api.Unit) {
	if r := v.run; r != nil && r.pid != 0 {
		unit.StatusText, unit.SubState = r.status, r.sub
		unit.Incarnation, unit.Cgroup = r.incarnation, r.cgroup
		if r.exited == nil {
			unit.Process = &api.Process{PID: r.pid, State: "running"}
			unit.Uptime = uptime(r.started)
		}
	}
	if v.lastEnd != nil {
		unit.LastExit = shownExit(v.lastEnd)
	}
}

func shownExit(last *store.Exit) *api.Exit {
	return &api.Exit{
		Code: last.Code, Signal: last.Signal, At: timestamp(last.At), Unknown: last.Unknown,
		OOMKills: last.OOMKills, MemoryLimit: last.MemoryLimit,
	}
}

// because is the cause of the state; for one that waits, what it waits for now.
func (v *service) because(graph plan.Graph) string {
	if v.state == machine.Scheduled && v.cron != nil {
		return v.cronBecause()
	}
	if v.state == machine.Waiting {
		if other, text := v.blockerIn(graph); other != nil {
			return text
		}
		if v.wanted && v.project.held {
			return "as many services as start.max_concurrent lets are starting"
		}
	}
	if v.contested() {
		return v.cause.Text + "; a replacement is in progress: " + string(v.trial.deed())
	}
	if v.state == machine.Down && !v.wanted && v.wish.Kind == machine.ByRequest {
		return v.wish.Text // and not how it ended when that was done
	}
	return v.cause.Text
}

// words translates our state into status.v1's state, lifecycle and health.
func (v *service) words() (state, lifecycle, health string) {
	if state, lifecycle, health, ok := v.cronWords(); ok {
		return state, lifecycle, health
	}
	switch v.state {
	case machine.Starting, machine.Ready, machine.Stopping, machine.Restarting:
		switch {
		case v.run == nil || v.run.exited != nil || v.run.pid == 0:
			// Its process has ended, or after a restart of ours without
			// sysg-exec nobody knows.
			return "queued", "", "warn"
		case v.state == machine.Ready && v.health != nil && v.health.failing:
			return "running", "running", "warn" // not often enough to be a failure
		case v.state == machine.Ready:
			return "running", "running", "healthy"
		}
		return "running", "running", "warn"
	case machine.Waiting, machine.Preparing, machine.Launching:
		return "queued", "", "warn"
	case machine.Done:
		return "done", "exited_successfully", "healthy"
	case machine.Skipped:
		return "skipped", "skipped", "idle"
	case machine.Listening, machine.Scheduled:
		return "queued", "", "idle"
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

// intent is what the manifest means a service for.
func intent(config generation.Service) string {
	switch {
	case config.Skip != "":
		return "skip"
	case config.Cron != nil:
		return "cron"
	case config.Once:
		return "once"
	}
	return "unspecified"
}

func uptime(since time.Time) *api.Uptime {
	up := max(time.Since(since), 0)
	return &api.Uptime{
		Seconds: int64(up.Seconds()), Human: up.Truncate(time.Second).String(),
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
