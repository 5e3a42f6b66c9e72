package store

import "time"

// Cron is cron_state.json: the schedules of a project. Without the file there
// are none yet.
type Cron struct {
	Version int            `json:"version"`
	Jobs    map[string]Job `json:"jobs"`
}

// Job is one service with a schedule.
type Job struct {
	// Schedule is what Planned was reckoned from.
	Schedule string `json:"schedule"`
	// Planned is the next time by the schedule, At the one with jitter; zero
	// where it is not to run.
	Planned time.Time `json:"planned,omitzero"`
	At      time.Time `json:"at,omitzero"`
	// Last is the newest time by the schedule that has had its run, or was
	// left out: it is not to come again where the clock is set back.
	Last time.Time `json:"last,omitzero"`
	// Owed is a run that is due and could not begin yet.
	Owed *Owed `json:"owed,omitempty"`
	// Run is the one in progress.
	Run *Run `json:"run,omitempty"`
	// History is of the runs that are over, oldest first.
	History []Run `json:"history,omitempty"`
}

// Owed is a run that is due.
type Owed struct {
	// Planned is zero for one that somebody asked for.
	Planned time.Time `json:"planned,omitzero"`
	Why     string    `json:"why"`
}

// Run is one run of a schedule.
type Run struct {
	// Ticket is for whoever waits for this run; it is not kept.
	Ticket int `json:"-"`
	// Incarnation is that of the main process, "" where there was none.
	Incarnation string    `json:"incarnation,omitempty"`
	Planned     time.Time `json:"planned,omitzero"`
	Started     time.Time `json:"started"`
	Completed   time.Time `json:"completed,omitzero"`
	// Before is the incarnation of its pre_start command, "" for none.
	Before  string `json:"before,omitempty"`
	Status  string `json:"status,omitempty"`
	Code    *int   `json:"code,omitempty"`
	Signal  *int   `json:"signal,omitempty"`
	PID     int    `json:"pid,omitempty"`
	User    string `json:"user,omitempty"`
	Command string `json:"command,omitempty"`
	// UserMicros and SystemMicros are CPU time, MaxRSS is in bytes.
	UserMicros   int64 `json:"user_us,omitempty"`
	SystemMicros int64 `json:"system_us,omitempty"`
	MaxRSS       int64 `json:"max_rss,omitempty"`
}
