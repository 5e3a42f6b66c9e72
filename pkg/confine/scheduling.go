package confine

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// setAffinity binds this thread, or the first of a process, to CPUs: the one
// that survives the execve.
func setAffinity(mask []uint64) error {
	var set unix.CPUSet
	for i, word := range mask {
		for word != 0 {
			bit := bits.TrailingZeros64(word)
			word &^= 1 << bit
			set.Set(i*64 + bit)
		}
	}
	err := unix.SchedSetaffinity(0, &set)
	if errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("cannot bind to CPUs %s: none of them is here: %w", cpuText(mask), err)
	}
	if err != nil {
		return fmt.Errorf("cannot bind to CPUs %s: %w", cpuText(mask), err)
	}
	return boundTo(mask)
}

// boundTo looks whether it is so: of a mask the kernel takes what is there and
// what the cpuset allows, and leaves out the rest without a word
// (sched_setaffinity(2)).
func boundTo(mask []uint64) error {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return fmt.Errorf("cannot see which CPUs it is bound to: %w", err)
	}
	has := make([]uint64, len(mask))
	for cpu := range 64 * len(mask) {
		if set.IsSet(cpu) {
			has[cpu/64] |= 1 << (cpu % 64)
		}
	}
	if !slices.Equal(has, mask) {
		return fmt.Errorf("cannot bind to CPUs %s: of these only %s are here and in the cpuset", cpuText(mask), cpuText(has))
	}
	return nil
}

// cpuText is a mask as the list of a manifest: 0-3,8.
func cpuText(mask []uint64) string {
	has := func(cpu int) bool { return cpu/64 < len(mask) && mask[cpu/64]>>(cpu%64)&1 == 1 }
	var parts []string
	for cpu := 0; cpu < 64*len(mask); cpu++ {
		if !has(cpu) {
			continue
		}
		first := cpu
		for has(cpu + 1) {
			cpu++
		}
		if first == cpu {
			parts = append(parts, fmt.Sprint(first))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", first, cpu))
		}
	}
	return strings.Join(parts, ",")
}

// The parts of an I/O priority, see ioprio_set(2).
const (
	ioWhoProcess = 1
	ioClassShift = 13
)

func setIOPriority(pid, value int) error {
	// The kernel asks for the privilege that realtime takes even of whoever
	// has it already.
	if has, _, errno := unix.Syscall(unix.SYS_IOPRIO_GET, ioWhoProcess, uintptr(pid), 0); errno == 0 && int(has) == value {
		return nil
	}
	_, _, errno := unix.Syscall(unix.SYS_IOPRIO_SET, ioWhoProcess, uintptr(pid), uintptr(value))
	if errno != 0 {
		return fmt.Errorf("cannot set ionice to %s: %w", ioText(value), errno)
	}
	return nil
}

func ioText(value int) string {
	names := [...]string{"none", "realtime", "best-effort", "idle"}
	class, level := value>>ioClassShift, value&(1<<ioClassShift-1)
	if class < 0 || class >= len(names) {
		return fmt.Sprint(value)
	}
	return fmt.Sprintf("%s %d", names[class], level)
}
