package supervisor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"systemg.org/sysg/pkg/logs"
	"systemg.org/sysg/pkg/spec"
)

const (
	// evidenceLines is how much of a service's output a diagnosis quotes.
	evidenceLines = 20
	// witnesses is how many runs of one try are remembered: the checks of a
	// service that is long ready are many, and the last ones matter.
	witnesses = 16
)

// label marks the lines of a command that is not the service itself.
func label(r *run) string {
	switch r.role {
	case spec.RoleMain:
		return ""
	case spec.RoleOnStart, spec.RoleOnErr, spec.RoleOnStop, spec.RoleOnExit:
		return "hook " + string(r.role)
	case spec.RoleChild:
		return "child " + r.child.Name
	}
	return string(r.role)
}

// witness remembers a run as one whose output tells why the service is in the
// state it is in: those of its last try, but no hook, which only comments it.
func (v *service) witness(r *run) {
	switch r.role {
	case spec.RoleOnStart, spec.RoleOnErr, spec.RoleOnStop, spec.RoleOnExit, spec.RoleStop, spec.RoleChild:
		return
	}
	if len(v.witnesses) == witnesses {
		v.witnesses = slices.Delete(v.witnesses, 2, 3) // after its pre_start and itself
	}
	v.witnesses = append(v.witnesses, r.incarnation)
}

// evidence is the end of what a service has printed since it was last tried.
func (s *Supervisor) evidence(ctx context.Context, project, service string) []string {
	var q logs.Query
	err := s.consult(ctx, func() error {
		if p := s.projects[project]; p != nil && p.services[service] != nil {
			v := p.services[service]
			q = logs.Query{Runs: slices.Clone(v.witnesses)}
			if len(q.Runs) == 0 { // It was tried before our time.
				q.Since = v.tried
			}
		}
		return nil
	})
	if err != nil {
		return nil // nobody is there to read it
	}
	return s.lastLines(project, service, q)
}

// outputTrouble says of a service what is not well with the capture of its output.
func (s *Supervisor) outputTrouble(seen *sighting) {
	unit := &seen.unit
	unit.DroppedLines = s.logs.Dropped(unit.Project.ID, unit.Name)
	if !seen.journaled {
		return
	}
	if problem := s.logs.JournalProblem(); problem != nil {
		unit.Notes = append(unit.Notes, fmt.Sprintf("its output goes to the file, not to the journal: %v", problem))
	}
}

// lastLines are the last lines that a query wants, in the form of evidence.
func (s *Supervisor) lastLines(project, service string, q logs.Query) []string {
	q.Since = q.Since.Truncate(time.Microsecond) // as the log's own times are
	lines, _, err := s.logs.Tail(project, service, evidenceLines, q)
	if err != nil {
		return []string{"cannot read its log: " + err.Error()}
	}
	var evidence []string
	for _, line := range lines {
		evidence = append(evidence, strings.TrimPrefix(line.Stream+": ", ": ")+line.Text)
	}
	return evidence
}
