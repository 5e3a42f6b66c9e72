package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// effort is what the threads of our daemons have done so far.
type effort struct {
	switches int64 // voluntary: a thread that woke up and went to sleep again
	cpu      int64 // nanoseconds
}

// rest watches the daemons while twenty services run and nothing happens.
func (b *bench) rest() ([]row, error) {
	const services = 20
	if err := b.project("rest", services); err != nil {
		return nil, err
	}
	for range services {
		if _, err := b.next(); err != nil {
			return nil, err
		}
	}
	// What the start has set going (timers of readiness, the collector of
	// garbage) is not rest.
	time.Sleep(5 * time.Second)
	var wakes, cpu []float64
	for range 3 {
		before, err := b.effort()
		if err != nil {
			return nil, err
		}
		time.Sleep(b.window)
		after, err := b.effort()
		if err != nil {
			return nil, err
		}
		wakes = append(wakes, float64(after.switches-before.switches))
		cpu = append(cpu, float64(after.cpu-before.cpu)/1e3)
	}
	return []row{
		{what: fmt.Sprintf("wake-ups in %s at rest, both daemons", b.window), unit: "", ours: wakes, none: true},
		{what: fmt.Sprintf("CPU in %s at rest, both daemons", b.window), unit: "µs", ours: cpu},
	}, nil
}

// effort sums over all threads of the instance's two daemons.
func (b *bench) effort() (effort, error) {
	var sum effort
	pids, err := b.daemons()
	if err != nil {
		return sum, err
	}
	for _, pid := range pids {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
		if err != nil {
			return sum, err
		}
		for _, task := range tasks {
			status, err := os.ReadFile(filepath.Join(task, "status"))
			if err != nil {
				return sum, err
			}
			schedstat, err := os.ReadFile(filepath.Join(task, "schedstat"))
			if err != nil {
				return sum, err
			}
			sum.switches += field(string(status), "voluntary_ctxt_switches:")
			sum.cpu += field("cpu: "+string(schedstat), "cpu:")
		}
	}
	return sum, nil
}

// field reads the number after a label that begins a line.
func field(text, label string) int64 {
	for line := range strings.Lines(text) {
		if rest, found := strings.CutPrefix(line, label); found {
			value, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return value
		}
	}
	return 0
}

// daemons finds sysgd and sysg-exec of this instance: by their programs, and by
// the instance's folder in their environment.
func (b *bench) daemons() ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var found []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		program, err := os.Readlink(filepath.Join("/proc", entry.Name(), "exe"))
		if err != nil || program != filepath.Join(b.bin, "sysgd") && program != filepath.Join(b.bin, "sysg-exec") {
			continue
		}
		environ, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "environ"))
		if err == nil && strings.Contains(string(environ), b.folder) {
			found = append(found, pid)
		}
	}
	if len(found) != 2 {
		return nil, fmt.Errorf("found %d daemons instead of two", len(found))
	}
	return found, nil
}
