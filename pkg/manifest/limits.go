package manifest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
	"systemg.org/sysg/pkg/generation"
)

var limitsObject = Object{Name: "limits", Lenient: true, Keys: append(rlimitKeys(),
	key("nice", optional[int](integer(-20, 19)), "", "scheduling priority", in(func(l *Limits) any { return &l.Nice })),
	key("oom_score_adj", optional[int](integer(-1000, 1000)), "", "preference of the kernel when memory runs out", in(func(l *Limits) any { return &l.OOMScore })),
	key("cpu_affinity", affinity, "", "CPUs it may run on", in(func(l *Limits) any { return &l.Affinity })),
	key("ionice", word("a priority", ioniceAccepts, matching(ionicePattern), parseIONice), "", "priority for disk access", in(func(l *Limits) any { return &l.IOPriority })),
	forSystem(key("cgroup", object(&cgroupObject), "", "limits of memory, CPU, tasks and disk access of all its processes together", in(func(l *Limits) any { return &l.Cgroup })),
		func(_ *reader, l *Limits) bool { return l.Cgroup.Root != "" || len(l.Cgroup.Files) > 0 }),
)}

// rlimitKeys are the limits of setrlimit(2), in the order of the kernel.
func rlimitKeys() []*Key {
	var keys []*Key
	for _, limit := range []struct{ name, doc string }{
		{"cpu", "CPU time in seconds"}, {"fsize", "size of a file"}, {"data", "size of the data segment"},
		{"stack", "size of the stack"}, {"core", "size of a core dump"}, {"rss", "resident memory"},
		{"nproc", "processes of the user"}, {"nofile", "open files"}, {"memlock", "locked memory"},
		{"as", "address space"}, {"sigpending", "queued signals"}, {"msgqueue", "bytes in message queues"},
		{"rtprio", "real-time priority"}, {"rttime", "real-time CPU time in microseconds"},
	} {
		t := rlimit.readBy(func(r *reader, v value, to any) {
			result, before := generation.Rlimit{}, r.errors
			if rlimit.read(r, v, &result); r.errors == before {
				result.Name = limit.name
				to.(*Limits).Rlimits = append(to.(*Limits).Rlimits, result)
			}
		})
		keys = append(keys, key(limit.name, t, "", "limit: "+limit.doc, func(l any) any { return l }))
	}
	return keys
}

// affinity reads a list of CPUs, or the kernel's way to write one, as a mask.
var affinity = func() *Type {
	items := list("a list of CPUs", numeral(0, maxCPU, cpuListPattern), func(r *reader, v value) (string, bool) {
		text, ok := r.text(v, "a CPU")
		return text.Value, ok
	})
	return &Type{
		Name: "a list of CPUs", Accepts: "a list such as [0, 1] or text such as \"0-3,8\"", nullable: true,
		form: either(numeral(0, maxCPU, cpuListPattern), atLeastOne(items.form)),
		read: func(r *reader, v value, to any) {
			var cpus []string
			before := r.errors
			if target(v.node).Kind == yaml.SequenceNode {
				items.read(r, v, &cpus)
			} else if text, ok := r.text(v, "a list of CPUs"); ok {
				cpus = []string{text.Value}
			}
			if r.errors > before {
				return
			}
			mask, err := parseCPUs(strings.Join(cpus, ","))
			if err != nil {
				r.bad(v, fmt.Sprintf("cannot read %s as a list of CPUs: %v", v.name, err), "expected a list such as [0, 1] or text such as \"0-3,8\"")
				return
			}
			*to.(*[]uint64) = mask
		},
	}
}()

const (
	// maxCPU is the last CPU of the largest kernels (CONFIG_NR_CPUS).
	maxCPU         = 8191
	cpuListPattern = `[0-9]+(-[0-9]+)?( *, *[0-9]+(-[0-9]+)?)*`
)

// parseCPUs reads "0-3,8" as a mask: bit n%64 of element n/64 is CPU n.
func parseCPUs(text string) ([]uint64, error) {
	var mask []uint64
	for _, item := range strings.Split(text, ",") {
		firstWord, lastWord, ranged := strings.Cut(strings.TrimSpace(item), "-")
		if !ranged {
			lastWord = firstWord
		}
		first, err := strconv.ParseUint(firstWord, 10, 32)
		last, err2 := strconv.ParseUint(lastWord, 10, 32)
		switch {
		case err != nil || err2 != nil:
			return nil, errors.New("CPUs are numbers, and ranges of them such as 0-3")
		case first > last:
			return nil, errors.New("a range ends before it begins")
		case last > maxCPU:
			return nil, fmt.Errorf("no kernel has a CPU beyond %d", maxCPU)
		}
		for cpu := first; cpu <= last; cpu++ {
			for uint64(len(mask)) <= cpu/64 {
				mask = append(mask, 0)
			}
			mask[cpu/64] |= 1 << (cpu % 64)
		}
	}
	return mask, nil
}

const (
	ioniceAccepts = "idle, best-effort:LEVEL or realtime:LEVEL, with a level from 0 (first) to 7"
	ionicePattern = `idle|(best-effort|realtime)(:[0-7])?`
)

// parseIONice makes the value for ioprio_set(2): the class above bit 13, the
// level below. Without a level it is 4, as ionice(1) has it.
func parseIONice(text string) (int, error) {
	class, level, given := strings.Cut(text, ":")
	number := 4
	if given {
		n, err := strconv.ParseUint(level, 10, 8)
		if err != nil || n > 7 {
			return 0, errors.New("a level is a number from 0 to 7")
		}
		number = int(n)
	}
	switch class {
	case "realtime":
		return 1<<13 | number, nil
	case "best-effort":
		return 2<<13 | number, nil
	case "idle":
		if given {
			return 0, errors.New("idle has no level")
		}
		return 3 << 13, nil
	}
	return 0, errors.New("no class has that name")
}
