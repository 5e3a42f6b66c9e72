package manifest

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

var cgroupObject = Object{Name: "cgroup", Lenient: true, Keys: []*Key{
	key("root", directory, "", "directory of its cgroup, instead of the supervisor's own", in(func(c *Cgroup) any { return &c.Root })),
	cgroupKey("memory_max", "memory.max", memorySize, "memory that it never gets more than"),
	cgroupKey("memory_high", "memory.high", memorySize, "memory from which on it is slowed down"),
	cgroupKey("memory_min", "memory.min", memorySize, "memory that is never taken from it"),
	cgroupKey("memory_swap_max", "memory.swap.max", memorySize, "swap that it never gets more than"),
	cgroupKey("cpu_max", "cpu.max", word("a CPU limit", `a percentage such as 150%, "QUOTA PERIOD" in microseconds, or "max"`,
		numeral(1, math.MaxInt, `max( +[0-9]+)?|[0-9]+( +[0-9]+)?|[0-9]+%`), parseCPUMax), "CPU time that it never gets more than"),
	cgroupKey("cpu_weight", "cpu.weight", weight, "share of CPU time, from 1 to 10000 (the kernel's default is 100)"),
	cgroupKey("io_weight", "io.weight", weight, "share of disk access, from 1 to 10000 (the kernel's default is 100)"),
	cgroupKey("io_max", "io.max", word("a limit of disk access", `a device and its limits, such as "8:0 rbps=1048576 wiops=100"`,
		matching(`[0-9]+:[0-9]+( +(rbps|wbps|riops|wiops)=([0-9]+|max))+`), parseIOMax), "disk access that it never gets more than"),
	cgroupKey("pids_max", "pids.max", word("a number of processes", `a whole number, or "max"`, numeral(1, math.MaxInt, `[0-9]+|max|unlimited`), parsePidsMax), "processes and threads that it never has more than"),
	cgroupKey("cpuset", "cpuset.cpus", word("a list of CPUs", `text such as "0-3,8"`, numeral(0, maxCPU, cpuListPattern), parseCPUSet), "CPUs that it may use"),
}}

// cgroupKey is a row for a file of cgroup2, with what is written to it.
func cgroupKey(name, file string, t *Type, doc string) *Key {
	added := t.readBy(func(r *reader, v value, to any) {
		var content string
		before := r.errors
		if t.read(r, v, &content); r.errors == before {
			files := to.(*[]CgroupFile)
			*files = append(*files, CgroupFile{file, content})
		}
	})
	return key(name, added, "", doc, in(func(c *Cgroup) any { return &c.Files }))
}

var (
	memorySize = word("a size", `a whole number of bytes, or with K, M, G or T, or "unlimited"`, numeral(0, math.MaxInt, sizePattern+"|max|unlimited"), parseMemory)
	weight     = word("a weight", "a whole number from 1 to 10000", number(1, 10_000), parseWeight)
)

func parseMemory(text string) (string, error) {
	if text == "max" || text == "unlimited" {
		return "max", nil
	}
	n, err := parseSize(text)
	return strconv.FormatUint(n, 10), err
}

func parseWeight(text string) (string, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 10_000 {
		return "", errors.New("out of range")
	}
	return strconv.Itoa(n), nil
}

func parsePidsMax(text string) (string, error) {
	if text == "max" || text == "unlimited" {
		return "max", nil
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 0 {
		return "", errors.New("it must be a whole number from 1 on")
	}
	return strconv.FormatUint(n, 10), nil
}

func parseCPUSet(text string) (string, error) {
	_, err := parseCPUs(text)
	return text, err
}

// parseCPUMax makes "QUOTA PERIOD" of a percentage of one CPU too.
func parseCPUMax(text string) (string, error) {
	const period = 100_000
	if percent, found := strings.CutSuffix(text, "%"); found {
		n, err := strconv.ParseUint(percent, 10, 32)
		if err != nil || n == 0 {
			return "", errors.New("it is no percentage from 1 on")
		}
		return fmt.Sprintf("%d %d", n*period/100, period), nil
	}
	words := strings.Fields(text)
	if len(words) < 1 || len(words) > 2 {
		return "", errors.New("it is not a quota with a period")
	}
	for i, w := range words {
		if n, err := strconv.ParseUint(w, 10, 32); (err != nil || n == 0) && !(i == 0 && w == "max") {
			return "", errors.New("quota and period are whole numbers of microseconds")
		}
	}
	return strings.Join(words, " "), nil
}

func parseIOMax(text string) (string, error) {
	words := strings.Fields(text)
	if len(words) < 2 {
		return "", errors.New("it names no device, or no limit")
	}
	major, minor, found := strings.Cut(words[0], ":")
	_, err := strconv.ParseUint(major, 10, 32)
	_, err2 := strconv.ParseUint(minor, 10, 32)
	if !found || err != nil || err2 != nil {
		return "", errors.New("a device is written as MAJOR:MINOR")
	}
	for _, w := range words[1:] {
		name, limit, _ := strings.Cut(w, "=")
		_, err := strconv.ParseUint(limit, 10, 64)
		known := name == "rbps" || name == "wbps" || name == "riops" || name == "wiops"
		if !known || err != nil && limit != "max" {
			return "", errors.New("limits are rbps, wbps, riops and wiops, each with = and a number or max")
		}
	}
	return strings.Join(words, " "), nil
}
