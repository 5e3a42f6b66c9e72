package sys

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ProcStatus is as whom a process runs, and what it may: the part of
// /proc/PID/status (proc(5)) that says so. Numbers are those of the reader's
// user namespace.
type ProcStatus struct {
	// UIDs and GIDs are the real, effective, saved and file system ones.
	UIDs, GIDs [4]uint32
	Groups     []uint32
	// The sets of capabilities, bit n for capability n.
	CapInheritable, CapPermitted, CapEffective, CapBounding, CapAmbient uint64
	NoNewPrivs                                                          bool
	// Seccomp is 0 for none, 1 for strict mode, 2 for filters. Filters is how
	// many, 0 before Linux 5.9.
	Seccomp, Filters int
}

// ReadProcStatus reads it of the process that has this number now; a zombie
// has it, too.
func ReadProcStatus(pid int) (ProcStatus, error) {
	path := "/proc/" + strconv.Itoa(pid) + "/status"
	text, err := ReadSmall(path, make([]byte, 4096))
	if err == nil && len(text) == cap(text) {
		text, err = os.ReadFile(path) // A process may have 65536 groups.
	}
	if err != nil {
		return ProcStatus{}, err
	}
	return ParseProcStatus(string(text))
}

// ParseProcStatus reads the text of /proc/PID/status. What is missing there is
// an error: nobody is to take it for "none".
func ParseProcStatus(text string) (ProcStatus, error) {
	var s ProcStatus
	readers := map[string]func(string) error{
		"Uid": fourTo(&s.UIDs), "Gid": fourTo(&s.GIDs),
		"Groups": func(value string) (err error) { s.Groups, err = numbers(value); return err },
		"CapInh": hexTo(&s.CapInheritable), "CapPrm": hexTo(&s.CapPermitted), "CapEff": hexTo(&s.CapEffective),
		"CapBnd": hexTo(&s.CapBounding), "CapAmb": hexTo(&s.CapAmbient),
		"NoNewPrivs": func(value string) error { s.NoNewPrivs = value == "1"; return nil },
		"Seccomp":    func(value string) (err error) { s.Seccomp, err = strconv.Atoi(value); return err },

		"Seccomp_filters": func(value string) (err error) { s.Filters, err = strconv.Atoi(value); return err },
	}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		read := readers[name]
		if read == nil {
			continue
		}
		if err := read(strings.TrimSpace(value)); err != nil {
			return ProcStatus{}, fmt.Errorf("cannot read %s of a process: %w", name, err)
		}
		delete(readers, name)
	}
	delete(readers, "Seccomp_filters")
	for name := range readers {
		return ProcStatus{}, fmt.Errorf("cannot read process status: it has no %s", name)
	}
	return s, nil
}

func hexTo(to *uint64) func(string) error {
	return func(value string) (err error) { *to, err = strconv.ParseUint(value, 16, 64); return err }
}

func fourTo(to *[4]uint32) func(string) error {
	return func(value string) error {
		list, err := numbers(value)
		if err == nil && copy(to[:], list) != len(to) {
			err = fmt.Errorf("%.40q are not four numbers", value)
		}
		return err
	}
}

func numbers(value string) ([]uint32, error) {
	var list []uint32
	for field := range strings.FieldsSeq(value) {
		number, err := strconv.ParseUint(field, 10, 32)
		if err != nil {
			return nil, err
		}
		list = append(list, uint32(number))
	}
	return list, nil
}
