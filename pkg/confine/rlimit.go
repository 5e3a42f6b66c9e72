package confine

import (
	"fmt"
	"runtime"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// rlimits are the limits by the names of their manifest keys, see getrlimit(2).
// locks has no effect since Linux 2.4.25, and nice is a key of its own.
var rlimits = [...]struct {
	name     string
	resource int
}{
	{"as", unix.RLIMIT_AS},
	{"core", unix.RLIMIT_CORE},
	{"cpu", unix.RLIMIT_CPU},
	{"data", unix.RLIMIT_DATA},
	{"fsize", unix.RLIMIT_FSIZE},
	{"memlock", unix.RLIMIT_MEMLOCK},
	{"msgqueue", unix.RLIMIT_MSGQUEUE},
	{"nofile", unix.RLIMIT_NOFILE},
	{"nproc", unix.RLIMIT_NPROC},
	{"rss", unix.RLIMIT_RSS},
	{"rtprio", unix.RLIMIT_RTPRIO},
	{"rttime", unix.RLIMIT_RTTIME},
	{"sigpending", unix.RLIMIT_SIGPENDING},
	{"stack", unix.RLIMIT_STACK},
}

func resourceOf(limit generation.Rlimit) (int, error) {
	for _, known := range rlimits {
		if known.name == limit.Name {
			return known.resource, nil
		}
	}
	return 0, fmt.Errorf("cannot set limit %q: no such limit", limit.Name)
}

// raiseHard does of a limit what takes privilege: it raises the hard one, of a
// process or of this one (0). What lowers would hit this program before it hits
// the service's, so that comes last.
func raiseHard(pid int, limit generation.Rlimit) error {
	resource, err := resourceOf(limit)
	if err != nil {
		return err
	}
	var has unix.Rlimit
	err = unix.Prlimit(pid, resource, nil, &has)
	if err == nil && limit.Hard > has.Max {
		err = unix.Prlimit(pid, resource, &unix.Rlimit{Cur: has.Cur, Max: limit.Hard}, nil)
	}
	if err != nil {
		return fmt.Errorf("cannot set limit %s to %s: %w", limit.Name, limitText(limit), err)
	}
	return nil
}

// setRlimits sets the limits of this process to what they are to be, when all
// that is left is the execve. It takes no privilege any more.
func setRlimits(limits []generation.Rlimit) error {
	for _, limit := range limits {
		resource, err := resourceOf(limit)
		if err == nil {
			// It also tells the Go runtime to leave a nofile that was set here
			// alone at execve, where it would put the original back.
			err = unix.Setrlimit(resource, &unix.Rlimit{Cur: limit.Soft, Max: limit.Hard})
		}
		if err != nil {
			return Fail(spec.StageRlimits, fmt.Errorf("cannot set limit %s to %s: %w", limit.Name, limitText(limit), err))
		}
	}
	return nil
}

// reserve gives this process enough memory, before it is limited, for all that
// it still has to do: the Go runtime dies when it asks the kernel for more and
// gets none. What is collected here stays mapped, and is used again. What the
// execve will need is rehearsed, so that the runtime's own lists have grown.
// It takes two milliseconds, so it is done for the limits that are of memory only.
func reserve(limits []generation.Rlimit, argv, env []string) {
	ofMemory := func(limit generation.Rlimit) bool { return limit.Name == "as" || limit.Name == "data" }
	if slices.ContainsFunc(limits, ofMemory) {
		takeMemory(argv, env)
	}
}

func takeMemory(argv, env []string) {
	const own = 8 << 20
	runtime.KeepAlive(make([]byte, own))
	for range 2 { // Before a collection, and after one.
		for _, texts := range [][]string{argv, env} {
			pointers, _ := syscall.SlicePtrFromStrings(texts)
			runtime.KeepAlive(pointers)
		}
		runtime.GC()
	}
}

// limitText is soft:hard as in a manifest.
func limitText(limit generation.Rlimit) string {
	return valueText(limit.Soft) + ":" + valueText(limit.Hard)
}

func valueText(value uint64) string {
	if value == generation.Unlimited {
		return "unlimited"
	}
	return fmt.Sprint(value)
}
