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
	n, _, err := d.Number("memory.max")
	if n == Unlimited {
		n = 0
	}
	return n, err
}

// Unlimited is what the kernel writes as "max".
const Unlimited = ^uint64(0)

// Number reads a file of one number, if it is there.
func (d *Dir) Number(file string) (n uint64, there bool, err error) {
	text, err := d.read(file)
	if err != nil {
		return 0, false, ignoreMissing(err)
	}
	text = strings.TrimSuffix(text, "\n")
	if text == "max" {
		return Unlimited, true, nil
	}
	if n, err = strconv.ParseUint(text, 10, 64); err != nil {
		return 0, false, fmt.Errorf("cannot read %s: %w", file, err)
	}
	return n, true, nil
}

// Bytes is a number as the kernel reads it.
func Bytes(n uint64) string {
	if n == Unlimited {
		return "max"
	}
	return strconv.FormatUint(n, 10)
}

// SumBelow adds up what a file has in each directory of this one.
func (d *Dir) SumBelow(file string) (sum uint64, err error) {
	names, err := d.Children()
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		child, err := d.Child(name)
		if err != nil {
			return 0, err
		}
		n, _, err := child.Number(file)
		child.Close()
		if err != nil {
			return 0, err
		}
		if sum += n; sum < n {
			sum = Unlimited
		}
	}
	return sum, nil
}
