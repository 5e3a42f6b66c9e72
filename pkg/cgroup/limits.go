package cgroup

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Write is what is written to one file of a cgroup.
type Write struct {
	File  string
	Value string
}

// String is the write as a shell would do it.
func (w Write) String() string { return w.Value + " > " + w.File }

// Key is the manifest's key under limits.cgroup that asks for a file: what
// people know it by.
func (w Write) Key() string {
	if w.File == "cpuset.cpus" {
		return "limits.cgroup.cpuset"
	}
	return "limits.cgroup." + strings.ReplaceAll(w.File, ".", "_")
}

// Controller is what must be enabled in the directory above for the file to
// exist: the first part of its name.
func (w Write) Controller() string {
	name, _, _ := strings.Cut(w.File, ".")
	return name
}

// Controllers are those that the writes need, each once and in their order.
func Controllers(writes []Write) []string {
	var names []string
	for _, w := range writes {
		if name := w.Controller(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// KeyFor is the key of the first write that needs a controller.
func KeyFor(controller string, writes []Write) string {
	for _, w := range writes {
		if w.Controller() == controller {
			return w.Key()
		}
	}
	return "limits.cgroup"
}

// Limit writes limits to d, which nothing has joined yet, and reads back what
// the kernel would otherwise take and not hold.
func (d *Dir) Limit(writes []Write) error {
	for _, w := range writes {
		err := d.Write(w.File, w.Value)
		if err == nil && w.File == "cpuset.cpus" {
			err = d.checkCPUs(w.Value)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", w.Key(), explainLimit(w, err))
		}
	}
	return nil
}

// explainLimit says in words what an error number means here.
func explainLimit(w Write, err error) error {
	switch {
	case errors.Is(err, unix.ENOENT):
		return fmt.Errorf("this kernel has no %s: %w", w.File, err)
	case w.File == "io.max" && errors.Is(err, unix.ENODEV):
		device, _, _ := strings.Cut(w.Value, " ")
		return fmt.Errorf("there is no disk %s: %w", device, err)
	}
	return err
}

// checkCPUs asks whether all the CPUs are there. The kernel takes any that it
// could ever have, and where none is there it lets all be used.
func (d *Dir) checkCPUs(wanted string) error {
	text, err := d.read("cpuset.cpus.effective")
	if err != nil {
		return err
	}
	there, err := ParseCPUs(strings.TrimSpace(text))
	if err != nil {
		return err
	}
	asked, err := ParseCPUs(wanted)
	if err != nil {
		return err
	}
	for _, cpu := range asked {
		if !slices.Contains(there, cpu) {
			return fmt.Errorf("CPU %d may not be used here, only %s", cpu, strings.TrimSpace(text))
		}
	}
	return nil
}

// maxCPUs is what the largest kernels are built for (CONFIG_NR_CPUS).
const maxCPUs = 8192

// ParseCPUs reads a list of CPUs as the kernel writes it, such as "0-3,8".
func ParseCPUs(text string) ([]int, error) {
	var cpus []int
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		from, to, ranged := strings.Cut(strings.TrimSpace(part), "-")
		first, err := strconv.ParseUint(from, 10, 16)
		last := first
		if err == nil && ranged {
			last, err = strconv.ParseUint(to, 10, 16)
		}
		if err != nil || last < first || last >= maxCPUs || len(cpus) > maxCPUs {
			return nil, fmt.Errorf("%.40q is no list of CPUs", text)
		}
		for cpu := first; cpu <= last; cpu++ {
			cpus = append(cpus, int(cpu))
		}
	}
	return cpus, nil
}
