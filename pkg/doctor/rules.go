package doctor

import (
	"fmt"
	"slices"
	"strings"

	"systemg.org/sysg/pkg/api"
)

// rules are all that is looked for. The first few have the older program's
// names.
var rules = []func(*Look) []suspicion{
	runningWithoutPID, runningDead, pidReused, staleEntries,
	twoIncarnations, outsideLeaf, leafWithoutRun, unknownRuns, orphans,
	generations, stateFiles, sockets, closedSockets, locks,
}

// upright are the phases in which the main process of a service lives.
var upright = []string{"starting", "ready"}

// runningWithoutPID is a service that is said to run, without a process.
func runningWithoutPID(l *Look) (found []suspicion) {
	for _, s := range l.services() {
		if !slices.Contains(upright, s.Phase) || l.occupied(s) {
			continue
		}
		found = append(found, suspicion{Finding: Finding{
			Error, "running-without-pid", s.Project, s.Service, fmt.Sprintf("it is %s, and no process of it is known", s.Phase),
		}})
	}
	return found
}

// services are the supervisor's, or else those of the state files of this boot.
func (l *Look) services() []api.SurveyedService {
	if l.Survey != nil {
		return l.Survey.Services
	}
	var all []api.SurveyedService
	for name, stored := range l.Stored {
		if stored.Processes.BootID != l.Boot {
			continue
		}
		for service, s := range stored.State.Services {
			all = append(all, api.SurveyedService{Project: name, Service: service, Phase: s.Phase, Incarnation: s.Incarnation})
		}
	}
	return all
}

func (l *Look) occupied(s api.SurveyedService) bool {
	if l.Survey == nil {
		_, recorded := l.Stored[s.Project].Processes.Services[s.Service]
		return recorded
	}
	return slices.ContainsFunc(l.Survey.Runs, func(r api.SurveyedRun) bool {
		return r.Project == s.Project && r.Service == s.Service && r.Occupies && r.PID > 0 && !r.Exited
	})
}

// living are the runs that are said to have a process.
func (l *Look) living() []api.SurveyedRun {
	if l.Survey != nil {
		return slices.DeleteFunc(slices.Clone(l.Survey.Runs), func(r api.SurveyedRun) bool { return r.PID == 0 || r.Exited })
	}
	var all []api.SurveyedRun
	for name, stored := range l.Stored {
		if stored.Processes.BootID != l.Boot {
			continue
		}
		for service, p := range stored.Processes.Services {
			all = append(all, api.SurveyedRun{Project: name, Service: service, Incarnation: p.Incarnation, Role: "main", PID: p.PID, Cgroup: p.Cgroup})
		}
	}
	return all
}

// runningDead is a run whose process has ended.
func runningDead(l *Look) (found []suspicion) {
	for _, r := range l.living() {
		stat, exists := l.Processes[r.PID]
		rule, detail := "", ""
		switch {
		case !exists:
			rule, detail = "running-pid-dead", "there is no process %d, which %s is said to be"
		case stat.Zombie():
			rule, detail = "running-pid-zombie", "process %d, which %s is said to be, has ended"
		default:
			continue
		}
		found = append(found, suspicion{Finding{Error, rule, r.Project, r.Service, fmt.Sprintf(detail, r.PID, r.Role)}, r.Incarnation})
	}
	return found
}

// pidReused is a process that has the number of another one.
func pidReused(l *Look) (found []suspicion) {
	for _, r := range l.living() {
		record, known := l.Records[r.Incarnation]
		stat, exists := l.Processes[r.PID]
		if !known || !exists || record.Record.PID != r.PID || record.StartTicks == 0 || record.StartTicks == stat.Started {
			continue
		}
		found = append(found, suspicion{Finding{
			Error, "pid-reuse", r.Project, r.Service, fmt.Sprintf("process %d is another one than was launched", r.PID),
		}, r.Incarnation})
	}
	return found
}

// staleEntries are processes in a pid.json that the supervisor knows to be gone.
func staleEntries(l *Look) (found []suspicion) {
	if l.Survey == nil || !l.Survey.Connected {
		return nil
	}
	for project, stored := range l.Stored {
		for service, p := range stored.Processes.Services {
			lives := slices.ContainsFunc(l.living(), func(r api.SurveyedRun) bool { return r.Incarnation == p.Incarnation })
			if !lives {
				found = append(found, suspicion{Finding{
					Warning, "pidfile-stale-entry", project, service, fmt.Sprintf("pid.json has process %d, which has ended", p.PID),
				}, p.Incarnation})
			}
		}
	}
	return found
}

// twoIncarnations is a service of which two run at once, where its manifest does
// not ask for that.
func twoIncarnations(l *Look) (found []suspicion) {
	alive := map[string][]string{}
	for incarnation, record := range l.Records {
		launch := record.Record.Launch
		if launch.Role != "main" || !l.lives(incarnation, record) {
			continue
		}
		name := launch.Project + "/" + launch.Service
		alive[name] = append(alive[name], incarnation)
	}
	for name, incarnations := range alive {
		most := 1
		if l.Rolling[name] {
			most = 2
		}
		if len(incarnations) <= most {
			continue
		}
		slices.Sort(incarnations)
		project, service, _ := strings.Cut(name, "/")
		found = append(found, suspicion{Finding{
			Error, "two-incarnations", project, service, "these run at once: " + strings.Join(incarnations, ", "),
		}, strings.Join(incarnations, " ")})
	}
	return found
}

// lives says whether anything of an incarnation is alive: in its leaf, or where
// there are no cgroups, its main process.
func (l *Look) lives(incarnation string, record Record) bool {
	if record.Boot != l.Boot || record.Record.Emptied {
		return false
	}
	if leaf, exists := l.Leaves[incarnation]; exists {
		return len(leaf.PIDs) > 0
	}
	stat, exists := l.Processes[record.Record.PID]
	return exists && !stat.Zombie() && (record.StartTicks == 0 || stat.Started == record.StartTicks)
}
