package cgroup

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Own is the path in the tree of the cgroup that this process is in.
func Own() (string, error) { return of("self") }

// Of is that of another process.
func Of(pid int) (string, error) { return of(strconv.Itoa(pid)) }

func of(process string) (string, error) {
	text, err := os.ReadFile("/proc/" + process + "/cgroup")
	if err != nil {
		return "", fmt.Errorf("cannot read a process's cgroup: %w", err)
	}
	path, found := ParseOwn(string(text))
	if !found {
		return "", ErrNone
	}
	return path, nil
}

// ParseOwn finds the version 2 line, "0::/path", of a /proc/PID/cgroup.
func ParseOwn(text string) (string, bool) {
	for line := range strings.Lines(text) {
		path, found := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::")
		if found && strings.HasPrefix(path, "/") {
			// Of a removed cgroup; nothing can be made below it.
			return path, !strings.HasSuffix(path, " (deleted)")
		}
	}
	return "", false
}
