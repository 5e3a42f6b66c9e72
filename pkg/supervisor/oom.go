package supervisor

import (
	"fmt"
	"syscall"

	"systemg.org/sysg/pkg/spec"
)

// describe says how a run's main process ended, and what the kernel killed of
// the run for its memory.
func describe(r *run) string {
	how, oom := describeEnd(r.exited), r.exited.OOM
	switch {
	case oom == nil:
		return how
	case exitSignal(r.exited.Status) == int(syscall.SIGKILL):
		return "was killed by the kernel " + whyOutOfMemory(*oom)
	}
	return fmt.Sprintf("%s, after the kernel had killed %d of its processes %s", how, oom.Kills, whyOutOfMemory(*oom))
}

func whyOutOfMemory(oom spec.OOM) string {
	if oom.Limit == 0 {
		return "since the machine, or a limit above its own, had no memory left"
	}
	return fmt.Sprintf("at its limit of %s of memory (limits.cgroup.memory_max)", binarySize(oom.Limit))
}

// binarySize is a number of bytes as a manifest has it, as a rule.
func binarySize(bytes uint64) string {
	const units = "BKMGTP"
	unit := 0
	for bytes > 0 && bytes%1024 == 0 && unit < len(units)-1 {
		bytes, unit = bytes/1024, unit+1
	}
	return fmt.Sprintf("%d%c", bytes, units[unit])
}
