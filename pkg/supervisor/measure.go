package supervisor

import (
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"systemg.org/sysg/pkg/api"
)

// measure adds what the kernel says of a unit's main process at this moment. A
// process that is gone meanwhile is reported as missing: its end is on its way
// to us.
func measure(unit *api.Unit, names userNames) {
	if unit.Process == nil {
		return
	}
	folder := "/proc/" + strconv.Itoa(unit.Process.PID)
	stat, err := os.ReadFile(folder + "/stat")
	fields := statFields(string(stat))
	switch {
	case err != nil || fields == nil:
		unit.Process.State = "missing"
		vanished(unit)
		return
	case fields[0] == "Z":
		unit.Process.State = "zombie"
		vanished(unit)
	}
	unit.Process.User = names.ownerOf(folder)
	unit.Memory = number(fields[21]) * uint64(os.Getpagesize())
	unit.CPUMicros = (number(fields[11]) + number(fields[12])) * microsPerTick
}

// vanished keeps a status from calling a unit running whose process is not.
func vanished(unit *api.Unit) {
	if unit.State == "running" {
		unit.State, unit.Lifecycle, unit.Health = "queued", "", "warn"
	}
}

// microsPerTick is the unit of CPU times in /proc/PID/stat: USER_HZ is 100 on
// every architecture that Go supports.
const microsPerTick = 10_000

// userNames are the names of uids, so that each is looked up once.
type userNames map[uint32]string

// ownerOf is the name of the user that a process runs as; its number where it
// has none.
func (u userNames) ownerOf(folder string) string {
	info, err := os.Stat(folder)
	if err != nil {
		return ""
	}
	uid := info.Sys().(*syscall.Stat_t).Uid
	if u[uid] == "" {
		u[uid] = strconv.FormatUint(uint64(uid), 10)
		if known, err := user.LookupId(u[uid]); err == nil {
			u[uid] = known.Username
		}
	}
	return u[uid]
}

// statFields are those of /proc/PID/stat from the state on (proc(5), field 3);
// what stands before is the name, which may contain anything.
func statFields(stat string) []string {
	_, after, found := strings.Cut(stat[strings.LastIndexByte(stat, ')')+1:], " ")
	fields := strings.Fields(after)
	if !found || len(fields) < 22 {
		return nil
	}
	return fields
}

func number(text string) uint64 {
	value, _ := strconv.ParseUint(text, 10, 64)
	return value
}
