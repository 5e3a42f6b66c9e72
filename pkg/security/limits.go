package security

import (
	"path/filepath"
	"strings"
)

// limit is the nearest value of a file of cgroup2, from a cgroup up to the
// root, "" for none, and the file that says so. machine is a process that sees
// where cgroup2 is mounted.
func limit(machine *Process, cgroup, file string) (value, evidence string) {
	root := ""
	for _, m := range machine.Mounts {
		if m.Type == "cgroup2" {
			root = m.Point
			break
		}
	}
	if root == "" || cgroup == "" {
		return "", "it is in no cgroup of version 2"
	}
	evidence = "no " + file + " in " + filepath.Join(root, cgroup)
	for path := filepath.Clean("/" + cgroup); path != "/"; path = filepath.Dir(path) {
		name := filepath.Join(root, path, file)
		text, err := read(name)
		if text = strings.TrimSpace(text); err != nil {
			continue
		}
		if text != "max" {
			return text, name + ": " + text
		}
		evidence = name + ": max"
	}
	return "", evidence
}
