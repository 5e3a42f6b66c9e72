package security

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"systemg.org/sysg/pkg/sys"
)

// maxFile bounds what is read of one file, in bytes: mountinfo is the largest.
const maxFile = 4 << 20

// Process is what the kernel shows of a process.
type Process struct {
	PID int
	sys.ProcStatus
	// Namespaces are their identities by kind, Mounts its mount points in order;
	// nil where they cannot be seen, which takes the right to trace it.
	Namespaces map[string]string
	Mounts     []Mount
	// Label is that of AppArmor or SELinux, "" without either.
	Label string
	// Cgroup is its path in cgroup2, "" without one.
	Cgroup string
}

// Mount is a line of mountinfo (proc_pid_mountinfo(5)).
type Mount struct {
	// Device and Root say what is mounted, Point where.
	Device, Root, Point string
	ReadOnly            bool
	Type                string
}

// ErrGone says that there is no such process any more.
var ErrGone = errors.New("the process is gone")

// Read looks at a process.
func Read(pid int) (Process, error) {
	status, err := sys.ReadProcStatus(pid)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return Process{}, fmt.Errorf("%w: %w", ErrGone, err)
	}
	if err != nil {
		return Process{}, fmt.Errorf("cannot look at process %d: %w", pid, err)
	}
	p, dir := Process{PID: pid, ProcStatus: status}, "/proc/"+strconv.Itoa(pid)
	p.Namespaces = namespaces(dir)
	if text, err := read(filepath.Join(dir, "mountinfo")); err == nil {
		p.Mounts = mounts(text)
	}
	if text, err := read(filepath.Join(dir, "attr/current")); err == nil {
		p.Label = strings.Trim(text, "\x00\n")
	}
	if text, err := read(filepath.Join(dir, "cgroup")); err == nil {
		for line := range strings.Lines(text) {
			if path, found := strings.CutPrefix(line, "0::"); found {
				p.Cgroup = strings.TrimSuffix(path, "\n")
			}
		}
	}
	return p, nil
}

func read(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(bufio.NewReader(file), maxFile))
	return string(text), err
}

// kinds are the namespaces by their names in /proc/PID/ns; the manifest has
// the same but for net and mnt.
var kinds = [...]string{"net", "mnt", "pid", "user", "ipc", "uts", "cgroup"}

func namespaces(dir string) map[string]string {
	found := map[string]string{}
	for _, kind := range kinds {
		id, err := os.Readlink(filepath.Join(dir, "ns", kind))
		if err != nil {
			return nil
		}
		found[kind] = id
	}
	return found
}

// mounts reads mountinfo: number, parent, device, root, point, options, further
// fields up to "-", type.
func mounts(text string) []Mount {
	var found []Mount
	for line := range strings.Lines(text) {
		before, after, separated := strings.Cut(line, " - ")
		fields, rest := strings.Fields(before), strings.Fields(after)
		if !separated || len(fields) < 6 || len(rest) < 3 {
			continue
		}
		readOnly := has(fields[5], "ro") || has(rest[2], "ro")
		found = append(found, Mount{fields[2], unescape(fields[3]), unescape(fields[4]), readOnly, rest[0]})
	}
	return found
}

func has(options, word string) bool {
	for option := range strings.SplitSeq(options, ",") {
		if option == word {
			return true
		}
	}
	return false
}

// unescape undoes the octal of the four characters that would split a line.
func unescape(text string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(text)
}

// at finds what path is on: of the mounts that cover it, the last one wins.
func at(all []Mount, path string) (Mount, bool) {
	var found Mount
	ok := false
	for _, m := range all {
		below := m.Point == "/" || path == m.Point || strings.HasPrefix(path, m.Point+"/")
		if below && (!ok || len(m.Point) >= len(found.Point)) {
			found, ok = m, true
		}
	}
	return found, ok
}
