package metrics

import (
	"strconv"
	"strings"
	"syscall"

	"systemg.org/sysg/pkg/sys"
)

// Stat is one process, as /proc/PID/stat has it (proc(5)).
type Stat struct {
	PID, Parent, Session int
	Name                 string
	State                byte
	// CPU is the processor time of the process in microseconds, Waited that of
	// the children it has waited for.
	CPU, Waited    uint64
	Priority, Nice int
	Threads        int
	// Started is in clock ticks since boot.
	Started uint64
	// Virtual is in bytes, Resident in pages.
	Virtual, Resident uint64
}

// microsPerTick is the unit of times in /proc/PID/stat: USER_HZ is 100 on every
// architecture that Go supports.
const microsPerTick = 10_000

// Zombie says whether the process has ended. A leader that has ended before its
// other threads looks like one and is none.
func (s *Stat) Zombie() bool { return (s.State == 'Z' || s.State == 'X') && s.Threads <= 1 }

// readStat reads it of the process that has this number now.
func readStat(pid int) (Stat, bool) {
	var space [1024]byte
	text, err := sys.ReadSmall("/proc/"+strconv.Itoa(pid)+"/stat", space[:])
	if err != nil {
		return Stat{}, false
	}
	return parseStat(string(text))
}

// parseStat takes the text apart. The name stands in parentheses and may itself
// contain anything.
func parseStat(text string) (Stat, bool) {
	first, rest, opened := strings.Cut(text, " (")
	end := strings.LastIndex(rest, ") ")
	if !opened || end < 0 {
		return Stat{}, false
	}
	fields := strings.Fields(rest[end+2:])
	if len(fields) < 22 {
		return Stat{}, false
	}
	return Stat{
		PID: int(number(first)), Name: rest[:end], State: fields[0][0],
		Parent: int(number(fields[1])), Session: int(number(fields[3])),
		CPU:    (number(fields[11]) + number(fields[12])) * microsPerTick,
		Waited: (number(fields[13]) + number(fields[14])) * microsPerTick,
		// These two may be negative.
		Priority: signed(fields[15]), Nice: signed(fields[16]), Threads: signed(fields[17]),
		Started: number(fields[19]), Virtual: number(fields[20]), Resident: number(fields[21]),
	}, true
}

func number(text string) uint64 {
	value, _ := strconv.ParseUint(text, 10, 64)
	return value
}

func signed(text string) int {
	value, _ := strconv.Atoi(text)
	return value
}

// ownerOf is the user that a process runs as.
func ownerOf(pid int) (uid uint32, ok bool) {
	var stat syscall.Stat_t
	if err := syscall.Stat("/proc/"+strconv.Itoa(pid), &stat); err != nil {
		return 0, false
	}
	return stat.Uid, true
}
