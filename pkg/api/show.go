package api

import (
	"fmt"
	"slices"
	"time"
)

// What `sysg inspect` and `sysg events` ask, and what is answered.

const (
	MethodInspect = Interface + ".Inspect"
	MethodEvents  = Interface + ".Events"
)

// Inspect is the call's parameters. Samples is how many at most, 0 for all.
type Inspect struct {
	Project string `json:"project"`
	Service string `json:"service"`
	Samples int    `json:"samples"`
	// Live measures now, where nothing was measured before.
	Live bool `json:"live,omitempty"`
	// StreamMillis is the time between two answers to a call with more, 0 for
	// one answer. While it lasts the service is measured every second.
	StreamMillis int `json:"stream_ms,omitempty"`
}

// Inspection is one unit in full.
type Inspection struct {
	// Unit is nil where there is no such one any more.
	Unit    *Unit    `json:"unit"`
	Samples []Sample `json:"samples"`
	// Processes are all of the unit, the main process first, those below one
	// after it.
	Processes []ProcessDetail `json:"processes"`
	System    System          `json:"system"`
}

// Sample is what a unit used in a span of time that ends at Timestamp. Where
// it stands for several, they are summed up: the mean of the percentages, the
// last of the sizes, the sum of what was read and written.
type Sample struct {
	Timestamp  time.Time `json:"timestamp"`
	CPU        float64   `json:"cpu_percent"`
	RSS        uint64    `json:"rss_bytes"`
	IORead     uint64    `json:"io_read_bytes"`
	IOWritten  uint64    `json:"io_write_bytes"`
	NetRead    uint64    `json:"net_rx_bytes"`
	NetWritten uint64    `json:"net_tx_bytes"`
	Count      int       `json:"sample_count"`
	Span       float64   `json:"span_secs"`
	CPUMin     *float64  `json:"cpu_min,omitempty"`
	CPUMax     *float64  `json:"cpu_max,omitempty"`
	RSSMin     *uint64   `json:"rss_min,omitempty"`
	RSSMax     *uint64   `json:"rss_max,omitempty"`
	RSSMean    *uint64   `json:"rss_mean,omitempty"`
}

// ProcessDetail is one process as top(1) shows it. Sizes are in bytes.
type ProcessDetail struct {
	Name      string  `json:"name"`
	PID       int     `json:"pid"`
	ParentPID int     `json:"ppid"`
	Depth     int     `json:"depth"` // below the main process
	User      string  `json:"user"`
	Priority  int     `json:"priority"`
	Nice      int     `json:"nice"`
	Virtual   uint64  `json:"virtual_bytes"`
	Resident  uint64  `json:"resident_bytes"`
	Shared    uint64  `json:"shared_bytes"`
	State     string  `json:"state"`
	CPU       float64 `json:"cpu_percent"`
	Memory    float64 `json:"memory_percent"`
	CPUMicros uint64  `json:"cpu_us"`
	StartedAt string  `json:"started_at"`
	Command   string  `json:"command"`
}

// System is the machine that the unit runs on.
type System struct {
	CPUs        int        `json:"cpus"`
	Load        [3]float64 `json:"load"`
	MemoryTotal uint64     `json:"memory_total_bytes"`
	MemoryUsed  uint64     `json:"memory_used_bytes"`
	SwapTotal   uint64     `json:"swap_total_bytes"`
	SwapUsed    uint64     `json:"swap_used_bytes"`
}

// Events is the call's parameters.
type Events struct {
	// Project and Services say whose, "" and none for all.
	Project  string   `json:"project"`
	Services []string `json:"services"`
	// Since is RFC 3339, "" for all that is kept.
	Since string `json:"since,omitempty"`
	// Lines is how many at most, counted from the end; negative for all.
	Lines  int  `json:"lines"`
	Follow bool `json:"follow"`
}

// Event is one step of a service's life.
type Event struct {
	// Sequence counts events, over restarts of the supervisor too: one that is
	// missing was lost.
	Sequence int    `json:"seq"`
	At       string `json:"at"`
	Project  string `json:"project"`
	Service  string `json:"service"`
	// From and To are phases; they are equal for what changes none.
	From string `json:"from"`
	To   string `json:"to"`
	// Event is the machine's word for what happened, or "note".
	Event string `json:"event"`
	Cause string `json:"cause"`
	Kind  string `json:"kind"`
	Code  string `json:"code,omitempty"`
	// Because is the other service that explains it.
	Because     string `json:"because,omitempty"`
	Incarnation string `json:"incarnation,omitempty"`
	PID         int    `json:"pid,omitempty"`
}

// EventNote is the Event of what happened beside the phases: a hook that
// failed, a candidate that was given up.
const EventNote = "note"

// Wants is whose events are asked for, and since when.
func (e Events) Wants() (func(Event) bool, error) {
	var since time.Time
	if e.Since != "" {
		var err error
		if since, err = time.Parse(time.RFC3339Nano, e.Since); err != nil {
			return nil, &Diagnostic{Code: CodeConflict, Title: fmt.Sprintf("cannot tell what time %q is", e.Since)}
		}
	}
	return func(event Event) bool {
		if e.Project != "" && event.Project != e.Project || len(e.Services) > 0 && !slices.Contains(e.Services, event.Service) {
			return false
		}
		at, err := time.Parse(time.RFC3339Nano, event.At)
		return since.IsZero() || err == nil && !at.Before(since)
	}, nil
}

// Backlog are the last Lines that are wanted of what read gives, oldest first.
func (e Events) Backlog(read func(each func(Event) bool) error) ([]Event, error) {
	wants, err := e.Wants()
	if err != nil || e.Lines == 0 {
		return nil, err
	}
	var backlog []Event
	err = read(func(event Event) bool {
		if wants(event) {
			backlog = append(backlog, event)
		}
		if e.Lines > 0 && len(backlog) >= 2*e.Lines { // in one go, not for each
			backlog = append(backlog[:0], backlog[len(backlog)-e.Lines:]...)
		}
		return true
	})
	if e.Lines > 0 && len(backlog) > e.Lines {
		backlog = backlog[len(backlog)-e.Lines:]
	}
	return backlog, err
}
