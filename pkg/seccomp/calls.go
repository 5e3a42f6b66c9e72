package seccomp

import (
	"slices"
	"strconv"
	"strings"
)

// machine is an architecture of Linux.
type machine struct {
	goarch string
	arch   uint32 // AUDIT_ARCH_ of linux/audit.h, which seccomp_data has
	calls  string
}

var machines = [...]machine{
	{"amd64", 0xc000003e, callsAMD64},
	{"arm64", 0xc00000b7, callsARM64},
}

// numbers reads a table: names, where a number says that of the next name.
func (m machine) numbers() map[string]uint32 {
	numbers := map[string]uint32{}
	var next uint32
	for _, word := range strings.Fields(m.calls) {
		if number, err := strconv.ParseUint(word, 10, 32); err == nil {
			next = uint32(number)
			continue
		}
		numbers[word] = next
		next++
	}
	return numbers
}

// canonical is the kernel's name for a call that has another in the C library.
func canonical(name string) string {
	switch name {
	case "fstatat", "fstatat64":
		return "newfstatat"
	case "pread":
		return "pread64"
	case "pwrite":
		return "pwrite64"
	case "umount":
		return "umount2"
	}
	return name
}

// Calls are the names of all calls that a machine of any architecture has,
// sorted: a manifest may name open, though arm64 does without.
func Calls() []string {
	var all []string
	for _, m := range machines {
		for name := range m.numbers() {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
