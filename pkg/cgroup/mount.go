package cgroup

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ErrNone says that there is no cgroup v2 here.
var ErrNone = errors.New("no cgroup v2 tree is mounted")

// Mount is where the cgroup v2 tree, or a part of it, is mounted.
type Mount struct {
	// Point is the mount point.
	Point string
	// Root is which directory of the tree is seen there: "/", or less where
	// a container was given only its own part.
	Root string
}

// FindMount finds the tree in this process's mount table.
func FindMount() (Mount, error) {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return Mount{}, fmt.Errorf("cannot read the mount table: %w", err)
	}
	mounts := ParseMounts(string(table))
	if len(mounts) == 0 {
		return Mount{}, ErrNone
	}
	return mounts[0], nil
}

// ParseMounts lists the cgroup2 mounts of a mountinfo table (proc(5)), those
// of the whole tree first. Lines that it does not understand are no mounts.
func ParseMounts(table string) []Mount {
	var whole, parts []Mount
	for line := range strings.Lines(table) {
		mount, found := parseMount(strings.TrimSuffix(line, "\n"))
		switch {
		case !found:
		case mount.Root == "/":
			whole = append(whole, mount)
		default:
			parts = append(parts, mount)
		}
	}
	return append(whole, parts...)
}

// parseMount reads one line: six fields, optional ones, "-", the type.
func parseMount(line string) (Mount, bool) {
	const rootField, pointField, fixedFields = 3, 4, 6
	before, after, found := strings.Cut(line, " - ")
	fields := strings.Split(before, " ")
	kind, _, _ := strings.Cut(after, " ")
	if !found || kind != "cgroup2" || len(fields) < fixedFields {
		return Mount{}, false
	}
	return Mount{Point: unescape(fields[pointField]), Root: unescape(fields[rootField])}, true
}

// unescape undoes \ooo, by which the kernel writes blanks and backslashes.
func unescape(field string) string {
	var out strings.Builder
	for i := 0; i < len(field); i++ {
		if field[i] == '\\' && i+4 <= len(field) {
			if octal, err := strconv.ParseUint(field[i+1:i+4], 8, 8); err == nil {
				out.WriteByte(byte(octal))
				i += 3
				continue
			}
		}
		out.WriteByte(field[i])
	}
	return out.String()
}

// Below turns a path of the tree, as /proc/PID/cgroup has it, into one below
// the mount point, without a leading slash; false if it is not seen there.
func (m Mount) Below(path string) (string, bool) {
	if m.Root != "/" {
		rest, found := strings.CutPrefix(path, m.Root)
		if !found || (rest != "" && rest[0] != '/') {
			return "", false
		}
		path = rest
	}
	path = strings.Trim(path, "/")
	// A process outside of our cgroup namespace is shown as /../…
	if path == ".." || strings.HasPrefix(path, "../") {
		return "", false
	}
	return path, true
}
