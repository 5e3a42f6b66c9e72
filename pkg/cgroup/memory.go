package cgroup

import (
	"fmt"
	"strconv"
	"strings"
)

// MemoryEvents is what memory.events says of killing.
type MemoryEvents struct {
	// OOM counts how often a limit of the cgroup or below was the reason that
	// memory ran out.
	OOM uint64
	// Kills counts processes killed by any out-of-memory killer.
	Kills uint64
}

// ParseMemoryEvents reads a memory.events.
func ParseMemoryEvents(text string) (MemoryEvents, error) {
	var events MemoryEvents
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return MemoryEvents{}, fmt.Errorf("cannot read memory.events: bad line %q", line)
		}
		switch key {
		case "oom":
			events.OOM = n
		case "oom_kill":
			events.Kills = n
		}
	}
	return events, nil
}

// MemoryEvents reads memory.events; without the memory controller there is
// nothing to tell.
func (d *Dir) MemoryEvents() (MemoryEvents, error) {
	text, err := d.read("memory.events")
	if err != nil {
		return MemoryEvents{}, ignoreMissing(err)
	}
	return ParseMemoryEvents(text)
}

// MemoryMax is memory.max in bytes, 0 for none.
func (d *Dir) MemoryMax() (uint64, error) {
	text, err := d.read("memory.max")
	if err != nil {
		return 0, ignoreMissing(err)
	}
	text = strings.TrimSuffix(text, "\n")
	if text == "max" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("cannot read memory.max: %w", err)
	}
	return n, nil
}
