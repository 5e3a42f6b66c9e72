package metrics

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"systemg.org/sysg/pkg/cgroup"
	"systemg.org/sysg/pkg/sys"
)

// Kernel is what is asked. It may be used by many goroutines.
type Kernel struct {
	mount string // of cgroup v2, "" for none
	page  uint64
	// without has the homes of services that have no memory controller.
	without sync.Map
}

// NewKernel finds out what there is to ask.
func NewKernel() *Kernel {
	k := &Kernel{page: uint64(os.Getpagesize())}
	if mount, err := cgroup.FindMount(); err == nil {
		k.mount = mount.Point
	}
	return k
}

// Target is what is looked at: a main process, and its cgroup leaf below the
// mount where it has one.
type Target struct {
	PID    int
	Cgroup string
}

// Condition is that of a main process.
type Condition string

// The conditions; the words are those of status.v1.
const (
	Running Condition = "running"
	Zombie  Condition = "zombie"
	Missing Condition = "missing"
)

// Look is what the kernel says of a target at one moment.
type Look struct {
	At        time.Time
	Condition Condition
	UID       uint32
	// CPU is processor time in microseconds since the target was started.
	CPU uint64
	// Memory is in bytes, its page cache included where the cgroup tells.
	Memory uint64
	// Read and Written are bytes that storage was asked for; only Thoroughly
	// finds them out.
	Read, Written uint64
}

// Look looks at a target.
func (k *Kernel) Look(t Target) Look {
	look := Look{At: time.Now(), Condition: Missing}
	stat, found := readStat(t.PID)
	if !found {
		return look
	}
	look.Condition = Running
	if stat.Zombie() {
		look.Condition = Zombie
	}
	look.UID, _ = ownerOf(t.PID)
	look.CPU, look.Memory = stat.CPU+stat.Waited, stat.Resident*k.page
	if t.Cgroup == "" || k.mount == "" {
		return look
	}
	leaf := k.mount + "/" + t.Cgroup
	if usage, ok := keyed(leaf+"/cpu.stat", "usage_usec "); ok {
		look.CPU = usage
	}
	if bytes, ok := k.memory(t.Cgroup); ok {
		look.Memory = bytes
	}
	return look
}

// memory reads memory.current. All leaves of one home have the same controllers,
// so that where one has not that of memory the others are not asked.
func (k *Kernel) memory(below string) (uint64, bool) {
	home, _, _ := strings.Cut(below, "/p-")
	if _, without := k.without.Load(home); without {
		return 0, false
	}
	leaf := k.mount + "/" + below
	bytes, ok := single(leaf + "/memory.current")
	if !ok {
		if _, err := os.Stat(leaf); err == nil {
			k.without.Store(home, true)
		}
	}
	return bytes, ok
}

// Thoroughly is Look and what was read and written, which costs more: without
// the io controller every process is asked.
func (k *Kernel) Thoroughly(t Target) Look {
	look := k.Look(t)
	if look.Condition == Missing {
		return look
	}
	if t.Cgroup != "" && k.mount != "" {
		if read, written, ok := ioStat(filepath.Join(k.mount, t.Cgroup, "io.stat")); ok {
			look.Read, look.Written = read, written
			return look
		}
	}
	for _, pid := range k.members(t) {
		read, written := ioOf(pid)
		look.Read += read
		look.Written += written
	}
	return look
}

// ioOf reads /proc/PID/io, which also has what children did that the process
// has waited for. It is nothing to whoever may not trace the process.
func ioOf(pid int) (read, written uint64) {
	path := "/proc/" + strconv.Itoa(pid) + "/io"
	read, _ = keyed(path, "\nread_bytes: ")
	written, _ = keyed(path, "\nwrite_bytes: ")
	return read, written
}

// ioStat sums a cgroup's io.stat over all devices.
func ioStat(path string) (read, written uint64, ok bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, false
	}
	for word := range strings.FieldsSeq(string(text)) {
		if value, found := strings.CutPrefix(word, "rbytes="); found {
			read += number(value)
		}
		if value, found := strings.CutPrefix(word, "wbytes="); found {
			written += number(value)
		}
	}
	return read, written, true
}

// keyed reads the number behind a key in a file of "key value" lines.
func keyed(path, key string) (uint64, bool) {
	var space [1024]byte
	text, err := sys.ReadSmall(path, space[:])
	if err != nil {
		return 0, false
	}
	_, rest, found := strings.Cut(string(text), key)
	line, _, _ := strings.Cut(rest, "\n")
	return number(line), found
}

// single reads a file that holds one number.
func single(path string) (uint64, bool) {
	var space [32]byte
	text, err := sys.ReadSmall(path, space[:])
	if err != nil {
		return 0, false
	}
	value, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return value, err == nil
}
