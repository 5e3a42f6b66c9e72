package api

// SchemaVersion names the form of Snapshot.
const SchemaVersion = "status.v1"

// Snapshot is the state of the services at one moment: status.v1. Fields are
// added over time, never renamed.
type Snapshot struct {
	SchemaVersion string `json:"schema_version"`
	// CapturedAt is RFC 3339.
	CapturedAt string `json:"captured_at"`
	// OverallHealth is that of the worst unit: healthy, warn or failing.
	OverallHealth string `json:"overall_health"`
	Units         []Unit `json:"units"`
	// Containment says how the processes of a service are held together:
	// "cgroup" or "session".
	Containment string `json:"containment"`
	// Notes are limits of this machine that the reader should know of.
	Notes []string `json:"notes,omitempty"`
}

// Unit is one service.
type Unit struct {
	Name    string      `json:"name"`
	Hash    string      `json:"hash"` // v2:<project>:<service>
	Project UnitProject `json:"project"`
	// Kind is service, cron, or orphaned: what no manifest has any more.
	Kind string `json:"kind"`
	// Lifecycle is running, skipped, exited_successfully, exited_with_error,
	// stopped, or absent.
	Lifecycle string `json:"lifecycle,omitempty"`
	// State is running, done, failed, stopped, skipped, lost, zombie, queued,
	// overlap or unknown.
	State string `json:"state"`
	// Phase is our own, finer word for State.
	Phase string `json:"phase"`
	// Cause says why it is in that phase.
	Cause string `json:"cause"`
	// Intent is once, unspecified, cron, skip, manual or orphan.
	Intent string `json:"intent"`
	// Health is healthy, idle, warn or failing.
	Health   string   `json:"health"`
	Process  *Process `json:"process,omitempty"`
	Uptime   *Uptime  `json:"uptime,omitempty"`
	LastExit *Exit    `json:"last_exit,omitempty"`
	// Cron is what became of the runs of a scheduled unit.
	Cron     *Cron    `json:"cron,omitempty"`
	Metrics  *Metrics `json:"metrics,omitempty"`
	Restarts int      `json:"restarts"`
	// NextRetryAt is RFC 3339, while backing off or given up.
	NextRetryAt string `json:"next_retry_at,omitempty"`
	// Notes are what happened beside its states: a hook that failed, say.
	Notes []string `json:"notes,omitempty"`
	// DroppedLines is how many lines, or bytes of a raw log, could not be written
	// since the supervisor was started.
	DroppedLines uint64 `json:"dropped_lines,omitempty"`
	Incarnation  string `json:"incarnation,omitempty"`
	Cgroup       string `json:"cgroup,omitempty"`
	Memory       uint64 `json:"memory_bytes,omitempty"`
	CPUMicros    uint64 `json:"cpu_us,omitempty"`
	Command      string `json:"command,omitempty"`
	// RuntimeCommand is the command line of the main process as it is now.
	RuntimeCommand string  `json:"runtime_command,omitempty"`
	Children       []Child `json:"spawned_children"`
	// StatusText is what it says of itself (STATUS=, sd_notify(3)), SubState is
	// reloading or stopping where it says so.
	StatusText string `json:"status_text,omitempty"`
	SubState   string `json:"sub_state,omitempty"`
	// RunsAs is the user of a service of the system's instance.
	RunsAs string `json:"runs_as,omitempty"`
	// PrivilegesDropped: the manifest names no user, and --drop-privileges chose.
	PrivilegesDropped bool `json:"privileges_dropped,omitempty"`
	// Missing are the keys of best_effort that the process runs without.
	Missing []string `json:"missing,omitempty"`
}

// UnitProject is the project a unit belongs to.
type UnitProject struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Mode       string `json:"mode"` // daemon or foreground
	ConfigPath string `json:"config_path,omitempty"`
	Loose      bool   `json:"loose,omitempty"`
	Generation int    `json:"generation"`
	// Boot is how far the project's start has come.
	Boot *Boot `json:"boot,omitempty"`
}

// Boot is how the start of a project went.
type Boot struct {
	// Settled: nothing of it is on its way up or down any more.
	Settled bool `json:"settled"`
	// Failed are the services that are not up and should be.
	Failed []string `json:"failed"`
	// Cause is why the first of them is not.
	Cause string `json:"cause,omitempty"`
}

// Process is a unit's main process.
type Process struct {
	PID   int    `json:"pid"`
	State string `json:"state"` // running, zombie or missing
	User  string `json:"user,omitempty"`
}

// Uptime is how long a unit has been up.
type Uptime struct {
	Seconds   int64  `json:"seconds"`
	Human     string `json:"human"`
	StartedAt string `json:"started_at"`
}

// Exit is how a unit's last process ended.
type Exit struct {
	Code   *int   `json:"exit_code,omitempty"`
	Signal *int   `json:"signal,omitempty"`
	At     string `json:"at,omitempty"`
	// Unknown is set where nobody saw it end.
	Unknown bool `json:"unknown,omitempty"`
	// OOMKills is how many of its processes the kernel killed for memory, and
	// MemoryLimit the limit of its own, in bytes, that was the reason.
	OOMKills    uint64 `json:"oom_kills,omitempty"`
	MemoryLimit uint64 `json:"memory_limit_bytes,omitempty"`
}

// Metrics is what a unit uses. The percentages are of one processor.
type Metrics struct {
	LatestCPU  float64 `json:"latest_cpu_percent"`
	AverageCPU float64 `json:"average_cpu_percent"`
	MaxCPU     float64 `json:"max_cpu_percent"`
	LatestRSS  uint64  `json:"latest_rss_bytes"`
	// Samples is how many are kept; with 0 the numbers are of the whole run.
	Samples int `json:"samples"`
}

// Cron is the schedule of a unit and what became of its runs.
type Cron struct {
	TimezoneLabel string `json:"timezone_label"`
	Timezone      string `json:"timezone,omitempty"`
	// LastRun and NextRun are RFC 3339.
	LastRun string `json:"last_run,omitempty"`
	NextRun string `json:"next_run,omitempty"`
	// RecentRuns are the newest first.
	RecentRuns []CronRun `json:"recent_runs"`
}

// CronRun is one run of a scheduled unit.
type CronRun struct {
	StartedAt   string `json:"started_at"`
	CompletedAt string `json:"completed_at,omitempty"`
	// Status is Success, "Failed: …", "Interrupted: …" or OverlapError; ""
	// while it runs.
	Status   string `json:"status,omitempty"`
	ExitCode *int   `json:"exit_code,omitempty"`
	Signal   *int   `json:"signal,omitempty"`
	PID      int    `json:"pid,omitempty"`
	User     string `json:"user,omitempty"`
	Command  string `json:"command,omitempty"`
	// CPUMicros and MemoryPeak are what the run has used, where known.
	CPUMicros  uint64   `json:"cpu_us,omitempty"`
	MemoryPeak uint64   `json:"memory_peak_bytes,omitempty"`
	Metrics    []Sample `json:"metrics"`
	// PlannedAt is the time by the schedule, "" for a run that somebody asked
	// for.
	PlannedAt      string `json:"planned_at,omitempty"`
	DurationMillis int64  `json:"duration_ms,omitempty"`
	// Incarnation is that of the run, Before that of its pre_start command.
	Incarnation string `json:"incarnation,omitempty"`
	Before      string `json:"pre_start_incarnation,omitempty"`
}

// Child is a process that runs on behalf of a unit, with those below it.
type Child struct {
	Child    ChildProcess `json:"child"`
	Children []Child      `json:"children"`
}

// ChildProcess is one such process: spawned, if the unit asked for it, or
// peripheral, if it forked by itself.
type ChildProcess struct {
	Name      string   `json:"name"`
	PID       int      `json:"pid"`
	ParentPID int      `json:"parent_pid"`
	Command   string   `json:"command"`
	StartedAt string   `json:"started_at"`
	TTL       *int64   `json:"ttl"` // seconds
	Depth     int      `json:"depth"`
	CPU       *float64 `json:"cpu_percent"`
	RSS       *uint64  `json:"rss_bytes"`
	LastExit  *Exit    `json:"last_exit"`
	User      string   `json:"user,omitempty"`
	Kind      string   `json:"kind"`
}
