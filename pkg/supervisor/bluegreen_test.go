package supervisor

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

func TestBlueAndGreenTakeTurns(t *testing.T) {
	replacing(t, slots, func(s *story) {
		round := func(from, to int) string {
			return fmt.Sprintf("launch web main in slot %d, launch web candidate in slot %d, launch web switch in slot %d, launch web switch_verify in slot %d, signal web 15", to, to, to, to)
		}
		s.restarts()
		s.want("first", s.helper.took(), round(0, 1))
		s.want("phases", s.phases(), "web ready")
		s.restarts()
		s.want("second", s.helper.took(), round(1, 0))
		s.restarts()
		s.helper.took()
		s.helper.crash("web", code3)
		s.sleep(10 * time.Second)
		s.want("a crash keeps the slot", s.helper.took(), "launch web main in slot 1")
		s.dies()
		s.supervise()
		s.helper.took()
		s.helper.crash("web", code3)
		s.sleep(30 * time.Second)
		s.want("so does another supervisor", s.helper.took(), "launch web main in slot 1")
	})
}

func TestABlueGreenFailureIsUndone(t *testing.T) {
	const launched = "launch web main in slot 1, launch web candidate in slot 1"
	const again = ", launch web candidate in slot 1"
	const switched = ", launch web switch in slot 1"
	const back = ", launch web switch in slot 0, signal web 15"
	for name, test := range map[string]struct {
		role spec.Role
		want string
	}{
		"check":  {spec.RoleCandidate, launched + again + ", signal web 15"},
		"switch": {spec.RoleSwitch, launched + switched + back},
		"verify": {spec.RoleVerify, launched + switched + ", launch web switch_verify in slot 1" + back},
	} {
		t.Run(name, func(t *testing.T) {
			replacing(t, slots, func(s *story) {
				s.helper.acts = map[spec.Role]int{test.role: 1}
				old := s.occupant("web").incarnation
				result := s.restarts()
				if result.OK {
					t.Error(result)
				}
				s.want("asked", s.helper.took(), test.want)
				if s.occupant("web").incarnation != old || s.second("web") != "" {
					t.Error("it is not as it was")
				}
				s.helper.acts = nil
				if result := s.restarts(); !result.OK {
					t.Error(result)
				}
			})
		})
	}
}

// TestACandidateThatEndsAsItsTurnComesDoesNotTakeOver: its end and the success
// of the last step are heard in one turn.
func TestACandidateThatEndsAsItsTurnComesDoesNotTakeOver(t *testing.T) {
	hasty := func(s *generation.Service) {
		slots(s)
		s.Rolling.Grace = 0
	}
	replacing(t, hasty, func(s *story) {
		s.helper.acts = map[spec.Role]int{spec.RoleVerify: -1}
		old := s.occupant("web").incarnation
		s.begins()
		s.sleep(time.Second)
		verify := s.helper.running(spec.RoleVerify)
		second := s.second("web")
		s.helper.mu.Lock()
		both := []execclient.Event{}
		for _, incarnation := range []string{second, verify} {
			record := s.helper.live[incarnation]
			record.Emptied = incarnation == verify
			record.Exited = &spec.Exited{Incarnation: incarnation, At: time.Now(), Emptied: record.Emptied}
			both = append(both, execclient.Event{Reply: spec.Reply{Exited: record.Exited}})
		}
		for _, event := range both {
			s.helper.events <- event
		}
		s.helper.mu.Unlock()
		s.sleep(time.Second)
		if s.occupant("web").incarnation != old {
			t.Error("one that has ended has the place")
		}
		s.helper.lets("web")
		s.helper.say(spec.Reply{Emptied: &spec.Emptied{Incarnation: second}}, "", second)
		s.sleep(time.Minute)
		s.want("phases", s.phases(), "web ready")
	})
}

// running is the incarnation that runs in a role.
func (h *helper) running(role spec.Role) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for incarnation, record := range h.live {
		if record.Launch.Role == role && record.Exited == nil {
			return incarnation
		}
	}
	return ""
}

// TestACheckOfACandidateGoesOnWhenSysgExecIsBack: the next attempt is due while
// nobody can make it.
func TestACheckOfACandidateGoesOnWhenSysgExecIsBack(t *testing.T) {
	replacing(t, slots, func(s *story) {
		s.helper.acts = map[spec.Role]int{spec.RoleCandidate: 1}
		s.begins()
		s.sleep(500 * time.Millisecond) // The first attempt has failed.
		s.helper.acts = nil
		s.helper.took()
		s.unreachable.Store(true)
		s.breaks(func() {})
		s.sleep(time.Minute)
		s.unreachable.Store(false)
		if result := s.begin(); !result.OK {
			t.Error(result)
		}
		s.want("asked", s.helper.took(), "launch web candidate in slot 1, launch web switch in slot 1, launch web switch_verify in slot 1, signal web 15")
		s.want("phases", s.phases(), "web ready")
	})
}

// TestASwitchThatWasNeverLaunchedIsMadeAgain: sysg-exec went away with the
// request; neither direction may be taken for done, or for failed.
func TestASwitchThatWasNeverLaunchedIsMadeAgain(t *testing.T) {
	for name, test := range map[string]struct {
		fails map[spec.Role]int
		lost  int
		ok    bool
	}{
		"forth": {nil, 1, true},
		"back":  {map[spec.Role]int{spec.RoleVerify: 1}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			replacing(t, slots, func(s *story) {
				s.helper.acts = test.fails
				s.helper.loses = func(l spec.Launch) bool { return l.Role == spec.RoleSwitch && *l.Slot == test.lost }
				answered := s.asks(func() (api.Result, error) {
					return s.Restart(s.life, api.Caller{}, api.Restart{Project: "p"}, quiet)
				})
				s.sleep(time.Second)
				s.helper.loses = nil
				s.breaks(func() {})
				s.sleep(time.Minute)
				if result, err := answered(); err != nil || result.OK != test.ok || strings.Contains(fmt.Sprint(result), "by hand") {
					t.Error(result, err)
				}
				s.want("phases", s.phases(), "web ready")
			})
		})
	}
}
