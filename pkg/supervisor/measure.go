package supervisor

import (
	"os"
	"os/user"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/metrics"
)

// measurers is how many look at services at once; it is the kernel that they
// wait for.
const measurers = 4

// measure completes what the loop knows with what the kernel says now.
func (s *Supervisor) measure(seen []sighting, detail bool) {
	looks := make([]metrics.Look, len(seen))
	var looking sync.WaitGroup
	workers := min(measurers, runtime.GOMAXPROCS(0))
	for worker := range workers {
		looking.Go(func() {
			for i := worker; i < len(seen); i += workers {
				if seen[i].unit.Process != nil {
					looks[i] = s.kernel.Look(seen[i].target)
					s.detail(&seen[i], looks[i], detail)
				}
			}
		})
	}
	looking.Wait()
	names := userNames{}
	for i := range seen {
		s.measureChildren(seen[i].unit.Children, names)
		if process := seen[i].unit.Process; process != nil && process.State != string(metrics.Missing) {
			process.User = names.of(looks[i].UID)
		}
	}
}

// detail takes what was seen of a unit's main process.
func (s *Supervisor) detail(seen *sighting, look metrics.Look, all bool) {
	unit := &seen.unit
	unit.Process.State = string(look.Condition)
	vanished(unit)
	if look.Condition == metrics.Missing {
		return
	}
	unit.Memory, unit.CPUMicros = look.Memory, look.CPU
	if summary, known := s.meter.Summary(unit.Project.ID, unit.Name, unit.Incarnation); known {
		unit.Metrics = &summary
	} else {
		unit.Metrics = lifetime(seen.began, look)
	}
	if all {
		unit.RuntimeCommand = metrics.CommandLine(unit.Process.PID)
	}
}

// lifetime are the metrics of a run of which there are no samples.
func lifetime(began time.Time, look metrics.Look) *api.Metrics {
	whole := metrics.Between(metrics.Look{At: began}, look)
	return &api.Metrics{LatestCPU: whole.CPU, AverageCPU: whole.CPU, MaxCPU: whole.CPU, LatestRSS: look.Memory}
}

// vanished keeps a status from calling a unit running whose process is not. Its
// end is on its way to us, or nobody is there to tell of it.
func vanished(unit *api.Unit) {
	if unit.State != "running" {
		return
	}
	switch metrics.Condition(unit.Process.State) {
	case metrics.Zombie:
		unit.State, unit.Health = "zombie", "failing"
	case metrics.Missing:
		unit.State, unit.Health = "lost", "warn"
	}
}

// userNames are the names of uids, so that each is looked up once.
type userNames map[uint32]string

// ownerOf is the name of the user that the process of a folder of /proc runs as.
func (u userNames) ownerOf(folder string) string {
	info, err := os.Stat(folder)
	if err != nil {
		return ""
	}
	return u.of(info.Sys().(*syscall.Stat_t).Uid)
}

// of is the name of a user; its number where it has none.
func (u userNames) of(uid uint32) string {
	if u[uid] == "" {
		u[uid] = strconv.FormatUint(uint64(uid), 10)
		if known, err := user.LookupId(u[uid]); err == nil {
			u[uid] = known.Username
		}
	}
	return u[uid]
}
