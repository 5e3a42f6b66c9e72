package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/metrics"
	"systemg.org/sysg/pkg/order"
	"systemg.org/sysg/pkg/paths"
	"systemg.org/sysg/pkg/store"
)

// Without a supervisor there is what it wrote down last, and /proc.

// offlineSnapshot is the state of all projects as far as files tell.
func offlineSnapshot(state string, all bool) api.Snapshot {
	snapshot := api.Snapshot{
		SchemaVersion: api.SchemaVersion, CapturedAt: time.Now().Format(time.RFC3339Nano), Units: []api.Unit{},
		Notes: []string{"no supervisor is running: this is what was last known, held against the processes that there are"},
	}
	projects, err := store.Projects(paths.Projects(state))
	if err != nil {
		snapshot.Notes = append(snapshot.Notes, err.Error())
	}
	for _, project := range projects {
		units := recorded(state, project)
		if !all {
			units = slices.DeleteFunc(units, func(u api.Unit) bool { return u.Kind == "orphaned" })
		}
		snapshot.Units = append(snapshot.Units, units...)
	}
	order.By(snapshot.Units, func(x, y *api.Unit) int { return strings.Compare(x.Hash, y.Hash) })
	return snapshot
}

// orphans are the units of projects that have a state, and that the supervisor
// does not know.
func orphans(a *app, snapshot api.Snapshot) []api.Unit {
	home, err := a.home()
	if err != nil {
		return nil
	}
	known := catalogueOf(snapshot)
	projects, _ := store.Projects(paths.Projects(home.state))
	var units []api.Unit
	for _, project := range projects {
		if _, is := known[project]; !is {
			for _, unit := range recorded(home.state, project) {
				unit.Kind, unit.Intent = "orphaned", "orphan"
				units = append(units, unit)
			}
		}
	}
	return units
}

// recorded are the units of one project, as its files have them.
func recorded(state, project string) []api.Unit {
	stored, err := store.Load(paths.Projects(state), project)
	if err != nil {
		return nil
	}
	generations := &generation.Store{Dir: paths.Generations(state)}
	supervise, err := generations.Supervise(project, stored.State.Generation)
	if err != nil {
		supervise = generation.Supervise{Project: project, Name: project}
	}
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	alive := strings.TrimSpace(string(boot)) == stored.Processes.BootID
	var units []api.Unit
	for name, service := range stored.State.Services {
		unit := recordedUnit(name, supervise, service)
		if stored.State.Foreground {
			unit.Project.Mode = "foreground"
		}
		if process, ran := stored.Processes.Services[name]; ran && alive {
			lookAt(&unit, process)
		}
		units = append(units, unit)
	}
	return units
}

func recordedUnit(name string, supervise generation.Supervise, service store.Service) api.Unit {
	unit := api.Unit{
		Name: name, Hash: "v2:" + supervise.Project + ":" + name, Kind: "orphaned", Intent: "orphan",
		Project: api.UnitProject{
			ID: supervise.Project, Name: supervise.Name, Mode: "daemon",
			ConfigPath: supervise.Manifest, Loose: supervise.Loose, Generation: supervise.Number,
		},
		Phase: service.Phase, Restarts: service.Restarts, Children: []api.Child{},
	}
	i := slices.IndexFunc(supervise.Services, func(s generation.Service) bool { return s.Name == name })
	if i >= 0 {
		config := supervise.Services[i]
		unit.Kind, unit.Intent, unit.Command = "service", "unspecified", config.Command
		switch {
		case config.Cron != nil:
			unit.Kind, unit.Intent = "cron", "cron"
		case config.Skip != "":
			unit.Intent = "skip"
		case config.Restart.Policy == generation.Never:
			unit.Intent = "once"
		}
	}
	unit.State, unit.Lifecycle, unit.Health = recordedWords(service.Phase)
	var cause struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(service.Cause, &cause) == nil {
		unit.Cause = cause.Text
	}
	if last := service.LastExit; last != nil {
		unit.LastExit = &api.Exit{Code: last.Code, Signal: last.Signal, At: last.At.Format(time.RFC3339Nano), Unknown: last.Unknown,
			OOMKills: last.OOMKills, MemoryLimit: last.MemoryLimit}
	}
	return unit
}

// recordedWords are status.v1's words for a phase that nobody minds. What was
// alive is lost, unless its process is found.
func recordedWords(phase string) (state, lifecycle, health string) {
	switch phase {
	case "starting", "ready", "stopping", "restarting", "preparing", "launching", "ending":
		return "lost", "running", "warn"
	case "done":
		return "done", "exited_successfully", "healthy"
	case "failed", "given_up", "backing_off":
		return "failed", "exited_with_error", "failing"
	case "skipped":
		return "skipped", "skipped", "idle"
	case "waiting", "listening", "scheduled":
		return "queued", "", "idle"
	case "down":
		return "stopped", "stopped", "idle"
	}
	return "unknown", "", "warn"
}

// lookAt holds a recorded process against the kernel. A process that is younger
// than the record has only its number.
func lookAt(unit *api.Unit, process store.Process) {
	kernel := metrics.NewKernel()
	look := kernel.Look(metrics.Target{PID: process.PID, Cgroup: process.Cgroup})
	began, found := metrics.Began(process.PID)
	if found && began.After(process.Started.Add(2*time.Second)) {
		look.Condition = metrics.Missing
	}
	unit.Process = &api.Process{PID: process.PID, State: string(look.Condition)}
	unit.Incarnation, unit.Cgroup = process.Incarnation, process.Cgroup
	switch look.Condition {
	case metrics.Running:
		unit.State, unit.Health = "running", "healthy"
		unit.Memory, unit.CPUMicros = look.Memory, look.CPU
		up := max(time.Since(process.Started), 0)
		unit.Uptime = &api.Uptime{
			Seconds: int64(up.Seconds()), Human: up.Truncate(time.Second).String(), StartedAt: process.Started.Format(time.RFC3339Nano),
		}
	case metrics.Zombie:
		unit.State, unit.Health = "zombie", "failing"
	}
}
