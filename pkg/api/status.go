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
	Kind    string      `json:"kind"` // service
	// Lifecycle is running, skipped, exited_successfully, exited_with_error,
	// stopped, or absent.
	Lifecycle string `json:"lifecycle,omitempty"`
	// State is running, done, failed, stopped, queued or unknown.
	State string `json:"state"`
	// Phase is our own, finer word for State.
	Phase string `json:"phase"`
	// Cause says why it is in that phase.
	Cause  string `json:"cause"`
	Intent string `json:"intent"` // once or unspecified
	// Health is healthy, idle, warn or failing.
	Health   string   `json:"health"`
	Process  *Process `json:"process,omitempty"`
	Uptime   *Uptime  `json:"uptime,omitempty"`
	LastExit *Exit    `json:"last_exit,omitempty"`
	Restarts int      `json:"restarts"`
	// NextRetryAt is RFC 3339, while backing off or given up.
	NextRetryAt string `json:"next_retry_at,omitempty"`
	Incarnation string `json:"incarnation,omitempty"`
	Cgroup      string `json:"cgroup,omitempty"`
	Memory      uint64 `json:"memory_bytes,omitempty"`
	CPUMicros   uint64 `json:"cpu_us,omitempty"`
	Command     string `json:"command,omitempty"`
	Children    []any  `json:"spawned_children"`
}

// UnitProject is the project a unit belongs to.
type UnitProject struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Mode       string `json:"mode"` // daemon or foreground
	ConfigPath string `json:"config_path,omitempty"`
	Loose      bool   `json:"loose,omitempty"`
	Generation int    `json:"generation"`
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
}
