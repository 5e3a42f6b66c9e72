package metrics

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"systemg.org/sysg/pkg/api"
)

// Machine is how busy the whole machine is.
func (k *Kernel) Machine() api.System {
	system := api.System{CPUs: runtime.NumCPU()}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		for i, word := range strings.Fields(string(text)) {
			if i == len(system.Load) {
				break
			}
			system.Load[i], _ = strconv.ParseFloat(word, 64)
		}
	}
	text, _ := os.ReadFile("/proc/meminfo")
	kilobytes := func(key string) uint64 {
		_, rest, _ := strings.Cut(string(text), "\n"+key+":")
		line, _, _ := strings.Cut(rest, "\n")
		return number(strings.TrimSuffix(strings.TrimSpace(line), " kB")) << 10
	}
	_, rest, _ := strings.Cut(string(text), "MemTotal:")
	line, _, _ := strings.Cut(rest, "\n")
	system.MemoryTotal = number(strings.TrimSuffix(strings.TrimSpace(line), " kB")) << 10
	system.MemoryUsed = system.MemoryTotal - min(kilobytes("MemAvailable"), system.MemoryTotal)
	system.SwapTotal = kilobytes("SwapTotal")
	system.SwapUsed = system.SwapTotal - min(kilobytes("SwapFree"), system.SwapTotal)
	return system
}

// bootTime is when the machine was started, by the clock of now.
func bootTime() time.Time {
	text, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return time.Time{}
	}
	seconds, _, _ := strings.Cut(string(text), " ")
	up, _ := strconv.ParseFloat(seconds, 64)
	return time.Now().Add(-time.Duration(up * float64(time.Second)))
}

// Began is when a process was started, to a hundredth of a second.
func Began(pid int) (time.Time, bool) {
	stat, found := readStat(pid)
	if !found {
		return time.Time{}, false
	}
	return bootTime().Add(time.Duration(stat.Started) * (time.Second / 100)), true
}
