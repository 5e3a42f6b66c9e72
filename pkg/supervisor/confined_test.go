package supervisor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
)

// lacks has the helper launch services without some keys of best_effort.
func (h *helper) lacks(keys ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.missing = keys
}

func TestWhatTheKernelLacksIsToldForAsLongAsItIsMissed(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api"))
		s.helper.lacks("network", "landlock")
		s.begin()
		told := func(when string) {
			s.Helper()
			unit := s.unitOf("api")
			if !slices.Equal(unit.Missing, []string{"network", "landlock"}) {
				t.Errorf("%s: missing is %q", when, unit.Missing)
			}
			s.want("notes "+when, strings.Join(unit.Notes, "; "), "it runs without network, landlock, which this machine lacks")
		}
		told("at first")
		events := s.events(api.Events{Project: "p", Lines: -1})
		if !slices.ContainsFunc(events, func(e api.Event) bool { return strings.Contains(e.Cause, "runs without network") }) {
			t.Errorf("no event says so: %+v", events)
		}

		s.dies()
		s.supervise()
		s.sleep(time.Second)
		told("after a restart of the supervisor")

		s.helper.lacks()
		s.restarts("api")
		s.want("notes after the kernel has it", strings.Join(s.unitOf("api").Notes, "; "), "")
		if unit := s.unitOf("api"); unit.Missing != nil {
			t.Errorf("missing is %q", unit.Missing)
		}
	})
}

func TestWhoWasMadeNobodyIsTold(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", func(s *generation.Service) { s.User, s.Dropped = "nobody", true }), plain("db", func(s *generation.Service) { s.User = "postgres" }))
		s.begin()
		unit := s.unitOf("api")
		if unit.RunsAs != "nobody" || !unit.PrivilegesDropped || len(unit.Notes) != 1 || !strings.Contains(unit.Notes[0], "made it nobody") {
			t.Errorf("got %+v", unit)
		}
		if unit = s.unitOf("db"); unit.RunsAs != "postgres" || unit.PrivilegesDropped || len(unit.Notes) != 0 {
			t.Errorf("got %+v", unit)
		}
	})
}
