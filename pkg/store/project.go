package store

import (
	"encoding/json"
	"time"
)

// Version is the form of both files.
const Version = 1

// Project is what both files of a project hold.
type Project struct {
	State     State
	Processes Processes
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
	// Again: what runs is to be ended and started anew.
	Again bool   `json:"again,omitempty"`
	Phase string `json:"phase"`
	// Incarnation is the current run, or the last one.
	Incarnation string    `json:"incarnation,omitempty"`
	Since       time.Time `json:"since,omitzero"`
	// Cause says why it is in that phase, in the form of whoever decides that.
	Cause json.RawMessage `json:"cause,omitempty"`
	// Restarts counts all of them, Consecutive those without a stable run.
	Restarts    int       `json:"restarts"`
	Consecutive int       `json:"consecutive"`
	LastExit    *Exit     `json:"last_exit,omitempty"`
	NextRetryAt time.Time `json:"next_retry_at,omitzero"`
}

// Exit is how a service's main process ended: by Code or by Signal, or unknown.
type Exit struct {
	Code    *int      `json:"code,omitempty"`
	Signal  *int      `json:"signal,omitempty"`
	At      time.Time `json:"at,omitzero"`
	Unknown bool      `json:"unknown,omitempty"`
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
