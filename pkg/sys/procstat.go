package sys

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ProcStat is the part of /proc/PID/stat by which processes are told apart.
type ProcStat struct {
	PID     int
	State   byte // 'Z' for a zombie.
	Parent  int
	Session int
	Flags   uint64
	// Started is the start time in clock ticks since boot. Together with the
	// pid it names one process, until the next boot.
	Started uint64
	// Status is a zombie's raw wait status as of wait(2), and 0 for whoever
	// may not trace it; see ExitOfZombie.
	Status uint32
	// Environ is the address of its environment, 0 for whoever may not look.
	Environ uint64
}

// PF_FORKNOEXEC and PF_KTHREAD of linux/sched.h, which proc(5) shows.
const (
	forkedNotExeced = 0x40
	kernelThread    = 0x200000
)

// Execed says whether the process has called execve since its fork.
func (s *ProcStat) Execed() bool { return s.Flags&forkedNotExeced == 0 }

// Execing says whether the process is in the middle of an execve: it has a new
// memory, in which its environment is not yet. It means something only to
// whoever may look into the process.
func (s *ProcStat) Execing() bool {
	return s.Environ == 0 && s.Flags&kernelThread == 0 && !s.Zombie()
}

// Zombie says whether the process has ended and waits for its parent.
func (s *ProcStat) Zombie() bool { return s.State == 'Z' || s.State == 'X' }

// ReadProcStat reads it of the process that has this number now.
func ReadProcStat(pid int) (ProcStat, error) {
	// Fifty-two numbers of at most twenty digits, and a name of at most 64.
	text, err := ReadSmall("/proc/"+strconv.Itoa(pid)+"/stat", make([]byte, 2048))
	if err != nil {
		return ProcStat{}, err
	}
	return ParseProcStat(string(text))
}

// ParseProcStat reads the text of /proc/PID/stat, see proc(5). The second
// field is a name in parentheses, which may itself contain anything. For a
// process that was just reaped the error is ESRCH.
func ParseProcStat(text string) (ProcStat, error) {
	const flags, started, environ, status, fieldsNeeded = 6, 19, 47, 49, 50
	first, rest, opened := strings.Cut(text, " (")
	end := strings.LastIndex(rest, ") ")
	if !opened || end < 0 {
		return ProcStat{}, fmt.Errorf("cannot read process status: no name in %.40q", text)
	}
	fields := strings.Fields(rest[end+2:])
	if len(fields) < fieldsNeeded || len(fields[0]) != 1 {
		return ProcStat{}, fmt.Errorf("cannot read process status: too few fields in %.40q", text)
	}
	if fields[3] == "-1" {
		// The kernel writes this for one that is being reaped this moment and
		// has left its session (do_task_stat in fs/proc/array.c).
		return ProcStat{}, fmt.Errorf("cannot read process status: %w", unix.ESRCH)
	}
	var numbers [7]uint64
	for i, field := range []string{first, fields[1], fields[3], fields[flags], fields[started], fields[status], fields[environ]} {
		value, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return ProcStat{}, fmt.Errorf("cannot read process status: %w", err)
		}
		numbers[i] = value
	}
	return ProcStat{
		PID: int(numbers[0]), State: fields[0][0], Parent: int(numbers[1]),
		Session: int(numbers[2]), Flags: numbers[3], Started: numbers[4], Status: uint32(numbers[5]),
		Environ: numbers[6],
	}, nil
}

// ExitOfZombie is the raw wait status of a process that has ended and that
// nobody has reaped yet; not known if it is none, or not ours to look into.
func ExitOfZombie(pid int, started uint64) (status uint32, known bool) {
	// The kernel shows a status of 0 to whoever may not know it, and refuses
	// this link to the same; of a zombie there is nothing that it could show.
	_, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	if !errors.Is(err, os.ErrNotExist) {
		return 0, false
	}
	stat, err := ReadProcStat(pid)
	if err != nil || stat.Started != started || stat.State != 'Z' {
		return 0, false
	}
	return stat.Status, true
}

// Processes lists the numbers of all processes that /proc shows.
func Processes() ([]int, error) {
	folder, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	names, err := folder.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
