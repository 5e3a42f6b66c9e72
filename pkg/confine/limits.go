package confine

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/spec"
)

// limitSteps are the steps of what a process may use, taken by itself (pid 0)
// or from outside. Nearly all of them take privilege in one direction or the other,
// so they come before the ids.
//
// In a user namespace of its own a process has no such privilege, whatever its
// capabilities there: these are asked of the first namespace. There sysg-exec
// takes the steps from outside, while the process waits; it then takes them
// itself, too, which takes no privilege any more.
func limitSteps(l *Launch, pid int) []Step {
	var steps []Step
	if l.Nice != nil {
		steps = append(steps, Step{spec.StageNice, fmt.Sprintf("nice %d", *l.Nice), func() error { return setNice(pid, *l.Nice) }})
	}
	if l.OOMScore != nil {
		steps = append(steps, Step{spec.StageOOMScore, fmt.Sprintf("oom_score_adj %d", *l.OOMScore), func() error { return setOOMScore(pid, *l.OOMScore) }})
	}
	if pid == 0 { // Nobody can set another's.
		steps = append(steps, Step{spec.StageUmask, fmt.Sprintf("umask %04o", l.Umask), func() error { unix.Umask(int(l.Umask)); return nil }})
	}
	for _, limit := range l.Rlimits {
		steps = append(steps, Step{spec.StageRlimits, fmt.Sprintf("rlimit %s %s", limit.Name, limitText(limit)), func() error {
			return raiseHard(pid, limit) // The rest before the execve.
		}})
	}
	// That takes none, and what begins at once is to have all CPUs.
	if len(l.Affinity) > 0 && pid == 0 {
		steps = append(steps, Step{spec.StageAffinity, "CPUs " + cpuText(l.Affinity), func() error { return setAffinity(l.Affinity) }})
	}
	if l.IOPriority != 0 {
		steps = append(steps, Step{spec.StageIONice, "ionice " + ioText(l.IOPriority), func() error { return setIOPriority(pid, l.IOPriority) }})
	}
	return steps
}

// limit takes the steps of limits from outside.
func (l *Launch) limit(pid int) error {
	for _, step := range limitSteps(l, pid) {
		if err := step.Do(); err != nil {
			return Fail(step.Stage, err)
		}
	}
	return nil
}

func setNice(pid, value int) error {
	// Of a thread: this one, or the first of that process; each is the one that
	// survives the execve.
	if err := unix.Setpriority(unix.PRIO_PROCESS, pid, value); err != nil {
		return fmt.Errorf("cannot set nice to %d: %w", value, err)
	}
	return nil
}

func setOOMScore(pid, value int) error {
	path := "/proc/self/oom_score_adj"
	if pid != 0 {
		path = fmt.Sprintf("/proc/%d/oom_score_adj", pid)
	}
	if has, err := os.ReadFile(path); err == nil && string(has) == fmt.Sprintln(value) {
		return nil // In a user namespace it may not be ours to write.
	}
	if err := os.WriteFile(path, fmt.Appendf(nil, "%d", value), 0); err != nil {
		return fmt.Errorf("cannot set oom_score_adj to %d: %w", value, err)
	}
	return nil
}
