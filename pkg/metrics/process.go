package metrics

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"systemg.org/sysg/pkg/sys"
)

// members are the processes of a target: those in its cgroup and below, or
// those that descend from the main process or share its session.
func (k *Kernel) members(t Target) []int {
	if t.Cgroup != "" && k.mount != "" {
		if pids := inCgroup(filepath.Join(k.mount, t.Cgroup)); len(pids) > 0 {
			return pids
		}
	}
	return k.Everybody().family(t.PID)
}

// inCgroup lists the processes of a cgroup and of those below.
func inCgroup(leaf string) []int {
	text, err := os.ReadFile(leaf + "/cgroup.procs")
	if err != nil {
		return nil
	}
	var pids []int
	for word := range strings.FieldsSeq(string(text)) {
		if pid := signed(word); pid > 0 { // 0 is one of another pid namespace
			pids = append(pids, pid)
		}
	}
	below, _ := os.ReadDir(leaf)
	for _, entry := range below {
		if entry.IsDir() {
			pids = append(pids, inCgroup(filepath.Join(leaf, entry.Name()))...)
		}
	}
	return pids
}

// Census is every process of the machine at one moment.
type Census map[int]Stat

// Everybody reads them all. It is for where there is no cgroup to ask.
func (k *Kernel) Everybody() Census {
	pids, _ := sys.Processes()
	census := make(Census, len(pids))
	for _, pid := range pids {
		if stat, found := readStat(pid); found {
			census[pid] = stat
		}
	}
	return census
}

// family is a process, what descends from it, and what is in its session.
func (c Census) family(main int) []int {
	below := map[int]bool{main: true}
	for grown := true; grown; {
		grown = false
		for pid, stat := range c {
			if !below[pid] && (below[stat.Parent] || stat.Session == main) {
				below[pid], grown = true, true
			}
		}
	}
	var pids []int
	for pid := range below {
		if _, alive := c[pid]; alive {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// Process is one process of a target, below the one that it descends from.
type Process struct {
	Stat
	Depth    int
	UID      uint32
	Resident uint64 // bytes
	Shared   uint64 // bytes
	Began    time.Time
	Command  string
}

// Processes are all of a target, the main process first, each before those that
// descend from it. What descends from none of the others stands on its own.
func (k *Kernel) Processes(t Target) []Process {
	known := map[int]Process{}
	var pids []int
	boot := bootTime()
	for _, pid := range k.members(t) {
		if process, found := k.process(pid, boot); found {
			known[pid] = process
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	order := tree{known: known, pids: pids}
	order.put(t.PID, 0)
	for _, pid := range pids { // whose parent is none of them stands on its own
		if _, waits := known[known[pid].Parent]; !waits {
			order.put(pid, 0)
		}
	}
	for _, pid := range pids { // what is left waits for itself: numbers were reused meanwhile
		order.put(pid, 0)
	}
	return order.done
}

// tree puts processes into the order of their descent.
type tree struct {
	known map[int]Process // that are not put yet
	pids  []int
	done  []Process
}

func (o *tree) put(pid, depth int) {
	process, waits := o.known[pid]
	if !waits {
		return
	}
	delete(o.known, pid)
	process.Depth = depth
	o.done = append(o.done, process)
	for _, other := range o.pids {
		if below, waits := o.known[other]; waits && below.Parent == pid {
			o.put(other, depth+1)
		}
	}
}

func (k *Kernel) process(pid int, boot time.Time) (Process, bool) {
	stat, found := readStat(pid)
	if !found {
		return Process{}, false
	}
	process := Process{
		Stat: stat, Resident: stat.Resident * k.page, Command: CommandLine(pid),
		Began: boot.Add(time.Duration(stat.Started) * (time.Second / 100)),
	}
	process.UID, _ = ownerOf(pid)
	var space [256]byte
	if text, err := sys.ReadSmall("/proc/"+strconv.Itoa(pid)+"/statm", space[:]); err == nil {
		if fields := strings.Fields(string(text)); len(fields) > 2 {
			process.Shared = number(fields[2]) * k.page
		}
	}
	if process.Command == "" {
		process.Command = "[" + stat.Name + "]"
	}
	return process, true
}

// CommandLine is the command line of a process as it is now, its arguments
// separated by blanks; "" if it has none that we may see.
func CommandLine(pid int) string {
	var space [4096]byte
	text, err := sys.ReadSmall("/proc/"+strconv.Itoa(pid)+"/cmdline", space[:])
	if err != nil {
		return ""
	}
	return strings.TrimSpace(strings.ReplaceAll(strings.TrimRight(string(text), "\x00"), "\x00", " "))
}
