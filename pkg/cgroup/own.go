package cgroup

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
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

// OpenOwn opens the cgroup that this process is in.
func OpenOwn() (Mount, *Dir, error) {
	mount, err := FindMount()
	if err != nil {
		return Mount{}, nil, err
	}
	own, err := Own()
	if err != nil {
		return Mount{}, nil, err
	}
	below, seen := mount.Below(own)
	if !seen {
		return Mount{}, nil, fmt.Errorf("cgroup %q is not below the mount %q", own, mount.Point)
	}
	dir, err := Open(mount, below)
	return mount, dir, err
}

// Mine says whether this process's user made the directory.
func (d *Dir) Mine() bool {
	var stat unix.Stat_t
	return unix.Fstat(d.fd, &stat) == nil && int(stat.Uid) == os.Geteuid()
}

// CanMove says why processes may not be moved from this cgroup to one below it,
// nil if they may. A process can be born only where both its parent's cgroup and
// the new one may be left and entered, which is what the right to write to
// cgroup.procs of the upper one says (cgroups(7), "Delegation containment").
func (d *Dir) CanMove() error {
	if err := unix.Faccessat2(d.fd, "cgroup.procs", unix.W_OK, unix.AT_EACCESS); err != nil {
		return fmt.Errorf("cannot move processes out of cgroup %q: %w", "/"+d.path, err)
	}
	return nil
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
