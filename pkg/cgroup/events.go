package cgroup

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Events is what cgroup.events says.
type Events struct {
	// Populated: a process lives in the cgroup or below. Zombies do not count.
	Populated bool
	Frozen    bool
}

// ParseEvents reads a cgroup.events: "key value" lines. Keys that a later
// kernel adds are passed over.
func ParseEvents(text string) (Events, error) {
	var events Events
	seen := false
	for line := range strings.Lines(text) {
		key, value, found := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !found {
			return Events{}, fmt.Errorf("cannot read cgroup.events: no value in %q", line)
		}
		switch key {
		case "populated":
			events.Populated, seen = value != "0", true
		case "frozen":
			events.Frozen = value != "0"
		}
	}
	if !seen {
		return Events{}, fmt.Errorf("cannot read cgroup.events: no populated in %q", text)
	}
	return events, nil
}

// ParseProcs reads a cgroup.procs: one number a line. A process of another pid
// namespace is shown as 0 and left out.
func ParseProcs(text string) ([]int, error) {
	var pids []int
	for line := range strings.Lines(text) {
		pid, err := strconv.ParseInt(strings.TrimSuffix(line, "\n"), 10, 32)
		if err != nil || pid < 0 {
			return nil, fmt.Errorf("cannot read cgroup.procs: bad line %q", line)
		}
		if pid != 0 {
			pids = append(pids, int(pid))
		}
	}
	return pids, nil
}

// OpenEvents opens cgroup.events to wait on: the descriptor raises an urgent
// event (EPOLLPRI) when the content has changed since it was last read, so it
// has to be read, with ReadEvents, before each wait.
func (d *Dir) OpenEvents() (int, error) {
	return d.open("cgroup.events", unix.O_RDONLY)
}

// ReadEvents reads what OpenEvents opened.
func ReadEvents(eventsFD int) (Events, error) {
	var text [256]byte
	n, err := retryValue(func() (int, error) { return unix.Pread(eventsFD, text[:], 0) })
	if err != nil {
		return Events{}, fmt.Errorf("cannot read cgroup.events: %w", err)
	}
	return ParseEvents(string(text[:n]))
}

// Events reads cgroup.events once.
func (d *Dir) Events() (Events, error) {
	text, err := d.read("cgroup.events")
	if err != nil {
		return Events{}, err
	}
	return ParseEvents(text)
}
