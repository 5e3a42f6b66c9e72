package generation

import (
	"time"

	"systemg.org/sysg/pkg/spec"
)

// Format is the version of the stored form.
const Format = 1

// Generation is one project, compiled. Services stand in both parts under the
// same names, sorted.
type Generation struct {
	Supervise Supervise `json:"supervise"`
	Launch    Launch    `json:"launch"`
}

// Supervise is the part that sysgd works from.
type Supervise struct {
	Format int `json:"format"`
	// Project is the id, Name what people call it (the id if nothing else).
	Project string `json:"project"`
	Name    string `json:"name"`
	// Manifest is the absolute path it was compiled from.
	Manifest string `json:"manifest"`
	// Loose is set for a manifest that names no project.
	Loose bool `json:"loose,omitempty"`
	// Number and Hash are the identity; both are 0 and "" until installed.
	Number   int       `json:"number"`
	Hash     string    `json:"hash"`
	Services []Service `json:"services"`
}

// Service is what sysgd knows of a service.
type Service struct {
	Name string `json:"name"`
	// Hash covers both parts of the service; equal hashes mean unchanged.
	Hash string `json:"hash"`
	// Command is what people are shown, with variables unexpanded.
	Command   string       `json:"command"`
	DependsOn []Dependency `json:"depends_on,omitempty"`
	Restart   Restart      `json:"restart"`
	Success   []Exit       `json:"success"`
	NoRestart []Exit       `json:"no_restart,omitempty"`
	Stop      Stop         `json:"stop"`
	Ready     Ready        `json:"ready"`
	Health    *Probe       `json:"health,omitempty"`
	PreStart  *PreStart    `json:"pre_start,omitempty"`
	Logs      Logs         `json:"logs"`
}

// Condition is what a dependant waits for.
type Condition string

// The conditions of depends_on.
const (
	// Started: running and ready, or a one-shot that completed.
	Started Condition = "started"
	// Healthy: running and its health check passed.
	Healthy Condition = "healthy"
	// Completed: ran to a successful end.
	Completed Condition = "completed"
)

// Dependency is one edge of the graph.
type Dependency struct {
	Service   string    `json:"service"`
	Condition Condition `json:"condition"`
	// Keep leaves the dependant running when this dependency fails.
	Keep bool `json:"keep,omitempty"`
}

// Policy says which ends of a service are followed by another start.
type Policy string

// The restart policies.
const (
	Always    Policy = "always"
	OnFailure Policy = "on-failure"
	Never     Policy = "never"
)

// Restart is how a service comes back. Durations are in nanoseconds.
type Restart struct {
	Policy      Policy        `json:"policy"`
	Backoff     time.Duration `json:"backoff"`
	MaxBackoff  time.Duration `json:"max_backoff"`
	MaxRestarts int           `json:"max_restarts"`
	// RetryAfter is how long it stays given up; 0 means until told otherwise.
	RetryAfter  time.Duration `json:"retry_after"`
	StableAfter time.Duration `json:"stable_after"`
}

// Exit matches the end of a process: by Signal where that is not 0, else by Code.
type Exit struct {
	Code   int `json:"code,omitempty"`
	Signal int `json:"signal,omitempty"`
}

// Stop is how a service is ended.
type Stop struct {
	Signal  int           `json:"signal"`
	Timeout time.Duration `json:"timeout"`
	// Group signals every process of the service, not only the main one.
	Group bool `json:"group,omitempty"`
}

// ReadyBy says what makes a running service ready.
type ReadyBy string

// The readiness rules.
const (
	// ByStable: alive for StableFor.
	ByStable ReadyBy = "stable"
	// ByHealth: the health check passed.
	ByHealth ReadyBy = "health"
)

// Ready is when a running service counts as ready.
type Ready struct {
	By        ReadyBy       `json:"by"`
	StableFor time.Duration `json:"stable_for"`
	// Timeout is the time it has for that.
	Timeout time.Duration `json:"timeout"`
}

// Probe is a check whose command is run in the role health. It fails when
// Retries attempts and, if not 0, TotalTimeout are both used up.
type Probe struct {
	Interval       time.Duration `json:"interval"`
	AttemptTimeout time.Duration `json:"attempt_timeout"`
	TotalTimeout   time.Duration `json:"total_timeout,omitempty"`
	Retries        int           `json:"retries"`
}

// PreStart is the command that must succeed before each start of the service.
type PreStart struct {
	Timeout time.Duration `json:"timeout"`
}

// Sink is where output goes.
type Sink string

// The sinks.
const (
	SinkFile Sink = "file"
	SinkNone Sink = "none"
)

// LogFormat is what a log file holds.
type LogFormat string

// The formats. None is FormatText, the only one that there was at first.
const (
	FormatText LogFormat = "text" // lines, each with its time and stream
	FormatRaw  LogFormat = "raw"  // the bytes as they came
)

// Logs is what happens to a service's output.
type Logs struct {
	Sink     Sink      `json:"sink"`
	Format   LogFormat `json:"format,omitempty"`
	MaxBytes uint64    `json:"max_bytes"`
	MaxFiles int       `json:"max_files"`
}

// Launch is the part that sysg-exec works from.
type Launch struct {
	Format  int    `json:"format"`
	Project string `json:"project"`
	// Inherited is the environment of the command that installed the
	// generation, as KEY=value. It is not part of the hash.
	Inherited []string        `json:"inherited,omitempty"`
	Services  []LaunchService `json:"services"`
}

// LaunchService is how a service's processes come to be.
type LaunchService struct {
	Name  string    `json:"name"`
	Roles []Command `json:"roles"`
	// Dir is the absolute working directory.
	Dir string `json:"dir"`
	// Layers make up the environment: later ones win, all win over Inherited.
	Layers []Layer `json:"layers,omitempty"`
	// Strip names variables that are not inherited.
	Strip []string `json:"strip,omitempty"`
	// NoInherit starts from an empty environment.
	NoInherit bool     `json:"no_inherit,omitempty"`
	Umask     uint32   `json:"umask"`
	Rlimits   []Rlimit `json:"rlimits,omitempty"`
	Nice      *int     `json:"nice,omitempty"`
	OOMScore  *int     `json:"oom_score_adj,omitempty"`
}

// Command is what one role runs.
type Command struct {
	Role spec.Role `json:"role"`
	// Argv is the program and its arguments; a program without a slash is
	// looked up in PATH of the service's own environment.
	Argv []string `json:"argv"`
}

// Layer is one step of an environment: a file, or variables.
type Layer struct {
	// File is an absolute path, read at each launch.
	File string `json:"file,omitempty"`
	// Optional lets File be missing.
	Optional bool     `json:"optional,omitempty"`
	Vars     []string `json:"vars,omitempty"`
}

// Unlimited is the value of a limit that is none (RLIM_INFINITY).
const Unlimited = ^uint64(0)

// Rlimit is one resource limit, by the name of its manifest key.
type Rlimit struct {
	Name string `json:"name"`
	Soft uint64 `json:"soft"`
	Hard uint64 `json:"hard"`
}
