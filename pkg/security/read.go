package security

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"systemg.org/sysg/pkg/caps"
)

// maxFile bounds what is read of one file, in bytes: mountinfo is the largest.
const maxFile = 4 << 20

// Process is what the kernel shows of a process.
type Process struct {
	PID int
	// UIDs and GIDs are real, effective, saved, and of the file system.
	UIDs, GIDs, Groups []int
	// Caps are the sets by their names in status: CapInh CapPrm CapEff CapBnd CapAmb.
	Caps       map[string]caps.Set
	NoNewPrivs bool
	// Seccomp is 0 for none, 1 for its strict mode, 2 for filters, of which
	// Filters is the number (Linux 5.9).
	Seccomp, Filters int
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

// Read looks at a process below proc, which is /proc.
func Read(proc string, pid int) (Process, error) {
	dir := filepath.Join(proc, strconv.Itoa(pid))
	p := Process{PID: pid}
	status, err := read(filepath.Join(dir, "status"))
	if err != nil {
		return Process{}, fmt.Errorf("%w: %w", ErrGone, err)
	}
	if err := p.status(status); err != nil {
		return Process{}, fmt.Errorf("cannot read %s/status: %w", dir, err)
	}
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

// status reads the lines that matter. They must be there: kernels have had
// them for longer than they run this program.
func (p *Process) status(text string) error {
	p.Caps = map[string]caps.Set{}
	seen := 0
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(line, ":")
		words := strings.Fields(rest)
		var err error
		switch name {
		case "Uid":
			p.UIDs, err = numbers(words)
		case "Gid":
			p.GIDs, err = numbers(words)
		case "Groups":
			p.Groups, err = numbers(words)
		case "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb":
			var bits uint64
			bits, err = strconv.ParseUint(strings.Join(words, ""), 16, 64)
			p.Caps[name] = caps.Set(bits)
		case "NoNewPrivs":
			p.NoNewPrivs = len(words) == 1 && words[0] == "1"
		case "Seccomp":
			p.Seccomp, err = strconv.Atoi(strings.Join(words, ""))
			seen-- // A kernel can be built without it.
		case "Seccomp_filters":
			p.Filters, err = strconv.Atoi(strings.Join(words, ""))
			seen--
		default:
			continue
		}
		if err != nil {
			return err
		}
		seen++
	}
	if seen != 9 || len(p.UIDs) != 4 || len(p.GIDs) != 4 {
		return errors.New("it is not what the kernel writes")
	}
	return nil
}

func numbers(words []string) ([]int, error) {
	var all []int
	for _, word := range words {
		n, err := strconv.Atoi(word)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
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
