package generation

import "time"

// How a service lives: what it waits for, when it is ready, how it is ended and
// comes back, and where its output goes.

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
	// Command: the role stop is run before the signal is sent.
	Command bool `json:"command,omitempty"`
}

// ReadyBy says what makes a running service ready.
type ReadyBy string

// The readiness rules.
const (
	// ByStable: alive for StableFor.
	ByStable ReadyBy = "stable"
	// ByHealth: the health check passed.
	ByHealth ReadyBy = "health"
	// ByNotify: it sent READY=1 (sd_notify(3)).
	ByNotify ReadyBy = "notify"
	// ByLog: it wrote a line that matches Pattern.
	ByLog ReadyBy = "log"
	// ByFD: it wrote a line to the descriptor FD, or closed it after a byte.
	ByFD ReadyBy = "fd"
)

// Ready is when a running service counts as ready.
type Ready struct {
	By        ReadyBy       `json:"by"`
	StableFor time.Duration `json:"stable_for"`
	// Pattern is a regular expression (RE2), for ByLog.
	Pattern string `json:"pattern,omitempty"`
	// FD is a number from 3 up, for ByFD.
	FD int `json:"fd,omitempty"`
	// Timeout is the time it has for that.
	Timeout time.Duration `json:"timeout"`
}

// Probe is a check. Without an address it is a command: that of its role. It
// fails when Retries attempts and, if not 0, TotalTimeout are both used up.
type Probe struct {
	// URL, TCP (host:port) or Unix (an absolute path) is what sysgd connects
	// to itself; at most one is set. In a candidate's, {slot} is its slot.
	URL  string `json:"url,omitempty"`
	TCP  string `json:"tcp,omitempty"`
	Unix string `json:"unix,omitempty"`

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
	SinkFile    Sink = "file"
	SinkNone    Sink = "none"
	SinkJournal Sink = "journal"
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
