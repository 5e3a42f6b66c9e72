package confine

import (
	"fmt"
	"slices"
	"strings"

	"systemg.org/sysg/pkg/sys"
)

// closeOthers marks every descriptor from 3 on to be closed at the execve,
// except those that are passed. They are in order.
func closeOthers(passed []int) error {
	from := uint(firstFD)
	for _, fd := range passed {
		if uint(fd) > from {
			if err := sys.CloexecRange(from, uint(fd)-1); err != nil {
				return err
			}
		}
		from = uint(fd) + 1
	}
	return sys.CloexecRange(from, ^uint(0))
}

func passedText(passed []int) string {
	if len(passed) == 0 {
		return ""
	}
	return fmt.Sprintf(", but %s", strings.Trim(fmt.Sprint(passed), "[]"))
}

// withPID adds the variables that hold the process's own number. Whoever reads
// them (sd_listen_fds(3), sd_watchdog_enabled(3)) ignores what is meant for
// another process, such as a child that inherited the variable.
func withPID(env, names []string, pid int) []string {
	env = slices.Clip(env)
	for _, name := range names {
		env = append(env, fmt.Sprintf("%s=%d", name, pid))
	}
	return env
}
