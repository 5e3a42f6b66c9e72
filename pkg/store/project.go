package store

import (
	"encoding/json"
	"time"
)

// Version is the form of the files.
const Version = 1

// Project is what the files of a project hold.
type Project struct {
	State     State
	Processes Processes
	Cron      Cron
	// CronError is why the schedules could not be read, nil if they were. All
	// else holds without them.
	CronError *CorruptError
}

// State is state.json.
type State struct {
	Version int    `json:"version"`
	Project string `json:"project"`
	// Generation and Hash name what the services were started from.
	Generation int    `json:"generation"`
	Hash       string `json:"hash"`
	// Foreground is set for a project that ends with its client.
	Foreground bool               `json:"foreground,omitempty"`
	Services   map[string]Service `json:"services"`
}

// Want is what was last asked of a service.
type Want string

// The wishes.
const (
	Up   Want = "up"
	Down Want = "down"
)

// Service is how one service is.
type Service struct {
	Want Want `json:"want"`
	// Resting: it was stopped with the supervisor, by the service manager. It
	// stays down until it is started, or the machine is.
	Resting bool `json:"resting,omitempty"`
	// Again: what runs is to be ended and started anew.
	Again bool `json:"again,omitempty"`
	// Unskipped: it was started by name, though its manifest skips it.
	Unskipped bool `json:"unskipped,omitempty"`
	// Alone: it was started without what it depends on.
	Alone bool   `json:"alone,omitempty"`
	Phase string `json:"phase"`
	// Incarnation is the current run, or the last one.
	Incarnation string    `json:"incarnation,omitempty"`
	Since       time.Time `json:"since,omitzero"`
	// Witnesses are the runs whose output tells how it came to that.
	Witnesses []string `json:"witnesses,omitempty"`
	// Cause says why it is in that phase, in the form of whoever decides that.
	Cause json.RawMessage `json:"cause,omitempty"`
	// Restarts counts all of them, Consecutive those without a stable run.
	Restarts    int       `json:"restarts"`
	Consecutive int       `json:"consecutive"`
	LastExit    *Exit     `json:"last_exit,omitempty"`
	NextRetryAt time.Time `json:"next_retry_at,omitzero"`
	// Definition is the hash of what the current run was started from.
	Definition string `json:"definition,omitempty"`
	// StatusText and SubState are what the current run says of itself.
	StatusText string `json:"status_text,omitempty"`
	SubState   string `json:"sub_state,omitempty"`
	// Slot is the active one of a blue/green service: 0 or 1.
	Slot int `json:"slot,omitempty"`
	// Successor is what runs beside the current run.
	Successor *Successor `json:"successor,omitempty"`
}

// Successor is a second incarnation of a service: a candidate for the place of
// the first, or the one that had it before.
type Successor struct {
	Incarnation string `json:"incarnation"`
	// Step is where the replacement is, "" once it is over and the old
	// incarnation ends.
	Step string `json:"step,omitempty"`
}

// Exit is how a service's main process ended: by Code or by Signal, or unknown.
type Exit struct {
	Code    *int      `json:"code,omitempty"`
	Signal  *int      `json:"signal,omitempty"`
	At      time.Time `json:"at,omitzero"`
	Unknown bool      `json:"unknown,omitempty"`
	// OOMKills and MemoryLimit are as in api.Exit.
	OOMKills    uint64 `json:"oom_kills,omitempty"`
	MemoryLimit uint64 `json:"memory_limit_bytes,omitempty"`
}

// Processes is pid.json. Numbers of processes mean something only on the boot
// on which they were written.
type Processes struct {
	Version  int                `json:"version"`
	BootID   string             `json:"boot_id"`
	Services map[string]Process `json:"services"`
}

// Process is the main process of a service.
type Process struct {
	PID         int       `json:"pid"`
	Incarnation string    `json:"incarnation"`
	Started     time.Time `json:"started"`
	// Cgroup is its leaf below the cgroup2 mount, if it has one.
	Cgroup string `json:"cgroup,omitempty"`
}
