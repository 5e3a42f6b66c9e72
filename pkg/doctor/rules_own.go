package doctor

import (
	"fmt"
	"slices"

	"systemg.org/sysg/pkg/api"
)

// outsideLeaf is a main process that is not in the cgroup of its run.
func outsideLeaf(l *Look) (found []suspicion) {
	for _, r := range l.living() {
		leaf, exists := l.Leaves[r.Incarnation]
		stat, alive := l.Processes[r.PID]
		if r.Cgroup == "" || !alive || stat.Zombie() || exists && slices.Contains(leaf.PIDs, r.PID) {
			continue
		}
		found = append(found, suspicion{Finding{
			Error, "process-outside-leaf", r.Project, r.Service, fmt.Sprintf("process %d is not in %s", r.PID, r.Cgroup),
		}, r.Incarnation})
	}
	return found
}

// leafWithoutRun is a cgroup of an incarnation that nobody knows.
func leafWithoutRun(l *Look) (found []suspicion) {
	for incarnation, leaf := range l.Leaves {
		_, recorded := l.Records[incarnation]
		if recorded || l.surveyed(incarnation) {
			continue
		}
		severity, what := Warning, "an empty cgroup"
		if len(leaf.PIDs) > 0 {
			severity, what = Error, fmt.Sprintf("a cgroup with processes %v", leaf.PIDs)
		}
		found = append(found, suspicion{Finding{
			severity, "leaf-without-run", leaf.Project, leaf.Service, fmt.Sprintf("%s of incarnation %s, which nobody knows", what, incarnation),
		}, incarnation})
	}
	return found
}

func (l *Look) surveyed(incarnation string) bool {
	return l.Survey != nil && slices.ContainsFunc(l.Survey.Runs, func(r api.SurveyedRun) bool { return r.Incarnation == incarnation })
}

// unknownRuns are incarnations that only one of the two daemons knows.
func unknownRuns(l *Look) (found []suspicion) {
	if l.Survey == nil || !l.Survey.Connected {
		return nil
	}
	for incarnation, record := range l.Records {
		launch := record.Record.Launch
		if record.Boot != l.Boot || l.surveyed(incarnation) {
			continue
		}
		rule, detail := "unknown-run", "sysg-exec holds incarnation %s, which the supervisor does not know"
		if record.Record.Emptied {
			rule, detail = "unacknowledged-run", "sysg-exec keeps the end of incarnation %s, which the supervisor does not wait for"
		}
		found = append(found, suspicion{Finding{Error, rule, launch.Project, launch.Service, fmt.Sprintf(detail, incarnation)}, incarnation})
	}
	for _, r := range l.living() {
		if _, recorded := l.Records[r.Incarnation]; !recorded {
			found = append(found, suspicion{Finding{
				Error, "run-without-record", r.Project, r.Service, fmt.Sprintf("sysg-exec does not know incarnation %s", r.Incarnation),
			}, r.Incarnation})
		}
	}
	for _, r := range l.Survey.Runs {
		if _, recorded := l.Records[r.Incarnation]; r.Emptied && !recorded {
			found = append(found, suspicion{Finding{
				Warning, "run-not-forgotten", r.Project, r.Service, fmt.Sprintf("the supervisor keeps incarnation %s, of which nothing is left", r.Incarnation),
			}, r.Incarnation})
		}
	}
	return found
}

// orphans are children of sysg-exec that belong to nothing it knows: processes
// of services come to it when they lose their parent.
func orphans(l *Look) (found []suspicion) {
	if l.Helper == 0 {
		return nil
	}
	known, sessions := map[int]bool{}, map[int]bool{}
	for incarnation, record := range l.Records {
		known[record.Record.PID], sessions[record.Record.PID] = true, true
		for _, pid := range l.Leaves[incarnation].PIDs {
			known[pid] = true
		}
	}
	for _, r := range l.living() {
		known[r.PID] = true
	}
	for pid, stat := range l.Processes {
		_, marked := l.Records[l.Marks[pid]]
		if stat.Parent != l.Helper || stat.Zombie() || known[pid] || sessions[stat.Session] || marked {
			continue
		}
		found = append(found, suspicion{Finding{
			Error, "orphaned-child", "", "", fmt.Sprintf("process %d is a child of sysg-exec and belongs to no service that runs", pid),
		}, fmt.Sprint(pid, stat.Started)})
	}
	return found
}

// generations are installed projects that could not be started.
func generations(l *Look) (found []suspicion) {
	for project, err := range l.Installed {
		if err != nil {
			found = append(found, suspicion{Finding: Finding{Error, "generation-unreadable", project, "", err.Error()}})
		}
	}
	return found
}

// stateFiles are state files that do not hold, or say something else than the
// supervisor whose they are.
func stateFiles(l *Look) (found []suspicion) {
	for project, err := range l.Broken {
		found = append(found, suspicion{Finding: Finding{Error, "state-unreadable", project, "", err.Error()}})
	}
	if l.Survey == nil {
		return found
	}
	for _, s := range l.Survey.Services {
		stored, saved := l.Stored[s.Project].State.Services[s.Service]
		switch {
		case !saved:
			continue // nothing has been asked of it yet
		case stored.Phase != s.Phase:
			found = append(found, suspicion{Finding: Finding{
				Error, "state-disagrees", s.Project, s.Service, fmt.Sprintf("it is %s, and state.json says %s", s.Phase, stored.Phase),
			}})
		case (stored.Want == "up") != s.Wanted:
			found = append(found, suspicion{Finding: Finding{
				Error, "state-disagrees", s.Project, s.Service, fmt.Sprintf("state.json says that it is wanted %s", stored.Want),
			}})
		}
	}
	return found
}

func sockets(l *Look) (found []suspicion) {
	for _, path := range l.Deaf {
		found = append(found, suspicion{Finding{Error, "socket-without-owner", "", "", fmt.Sprintf("nobody listens at %s", path)}, path})
	}
	return found
}

// locks are daemons that share a state without knowing of each other.
func locks(l *Look) (found []suspicion) {
	if l.Survey == nil || l.Supervisor == 0 || l.Supervisor == l.Survey.PID {
		return nil
	}
	return []suspicion{{Finding: Finding{
		Error, "lock-of-another", "", "", fmt.Sprintf("process %d answers, and process %d holds supervisor.lock", l.Survey.PID, l.Supervisor),
	}}}
}
