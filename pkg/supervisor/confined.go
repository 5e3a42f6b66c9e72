package supervisor

import (
	"fmt"
	"strings"

	"systemg.org/sysg/pkg/api"
)

// What a service runs without is told wherever people look: a protection that a
// kernel lacks, and that best_effort lets go, must not look like one that is there.

// launchedWithout keeps what a main process does without, and has the journal and
// the events say so. Status shows it for as long as the run lives.
func (s *Supervisor) launchedWithout(r *run, missing []string) {
	if r.missing = missing; len(missing) > 0 {
		s.mention(r.service, without(missing))
	}
}

func without(missing []string) string {
	return fmt.Sprintf("it runs without %s, which this machine lacks", strings.Join(missing, ", "))
}

// addConfinement tells as whom a service runs, and without what.
func (v *service) addConfinement(unit *api.Unit) {
	unit.RunsAs, unit.PrivilegesDropped = v.config.User, v.config.Dropped
	if v.config.Dropped {
		unit.Notes = append(unit.Notes, fmt.Sprintf("its manifest names no user, so that --drop-privileges made it %s", v.config.User))
	}
	if r := v.run; r != nil && r.exited == nil && len(r.missing) > 0 {
		unit.Missing = r.missing
		unit.Notes = append(unit.Notes, without(r.missing))
	}
}
