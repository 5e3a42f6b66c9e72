package supervisor

import (
	"context"
	"testing"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// begins asks for a restart and does not wait for it.
func (s *story) begins() {
	s.asks(func() (api.Result, error) {
		return s.Restart(s.life, api.Caller{}, api.Restart{Project: "p"}, quiet)
	})
}

// TestADeathDuringAReplacement kills the supervisor in the midst of one. The old
// incarnation sees nothing of that, the candidate goes, and it begins anew.
func TestADeathDuringAReplacement(t *testing.T) {
	replacing(t, rolls(10*time.Second), func(s *story) {
		old := s.occupant("web").incarnation
		s.begins()
		s.sleep(2 * time.Second)
		s.helper.took()
		s.dies()
		s.supervise()
		s.sleep(time.Second)
		s.want("asked", s.helper.took(), "signal web 15, launch web main")
		if s.occupant("web").incarnation != old {
			t.Error("the old one has been ended")
		}
		s.sleep(time.Minute)
		s.want("then", s.helper.took(), "signal web 15")
		s.want("phases", s.phases(), "web ready")
		if s.occupant("web").incarnation == old || s.second("web") != "" {
			t.Error("it was not replaced")
		}
	})
}

// TestACandidateThatNobodyRecordedIsEnded: the supervisor died before the state
// with the candidate was on disk.
func TestACandidateThatNobodyRecordedIsEnded(t *testing.T) {
	replacing(t, rolls(10*time.Second), func(s *story) {
		old := s.occupant("web").incarnation
		saved := *s.disk.saved
		s.begins()
		s.sleep(2 * time.Second)
		s.helper.took()
		s.dies()
		s.disk.saved = &saved
		s.supervise()
		s.sleep(time.Minute)
		s.want("asked", s.helper.took(), "kill web")
		if s.occupant("web").incarnation != old || s.second("web") != "" {
			t.Error("the old one has been ended")
		}
	})
}

func TestADeathAfterTheSwitchIsUndone(t *testing.T) {
	replacing(t, slots, func(s *story) {
		s.helper.acts = map[spec.Role]int{spec.RoleVerify: -1} // It never ends.
		s.begins()
		s.sleep(2 * time.Second)
		s.helper.took()
		s.dies()
		s.helper.acts = nil
		s.supervise()
		s.sleep(time.Minute)
		s.want("asked", s.helper.took(), "kill web, launch web switch in slot 0, signal web 15, "+
			"launch web main in slot 1, launch web candidate in slot 1, launch web switch in slot 1, "+
			"launch web switch_verify in slot 1, signal web 15")
		s.want("phases", s.phases(), "web ready")
	})
}

func TestADeathWhileTheOldOneEnds(t *testing.T) {
	replacing(t, rolls(0), func(s *story) {
		s.helper.deaf["web"] = true
		s.begins()
		s.sleep(time.Second)
		s.want("asked", s.helper.took(), "launch web main, signal web 15")
		s.dies()
		s.supervise()
		s.sleep(time.Second)
		s.want("asked again", s.helper.took(), "signal web 15")
		s.sleep(time.Minute)
		s.want("at last", s.helper.took(), "kill web")
		s.want("phases", s.phases(), "web ready")
		if s.second("web") != "" {
			t.Error("the old one is left")
		}
	})
}

// TestSysgExecGoesAwayDuringAReplacement: processes live on, and what could not
// be asked is asked then.
func TestSysgExecGoesAwayDuringAReplacement(t *testing.T) {
	for name, change := range map[string]func(*generation.Service){"rolling": rolls(5 * time.Second), "slots": slots} {
		for _, after := range []time.Duration{0, 200 * time.Millisecond, time.Second, 2 * time.Second} {
			t.Run(name+" "+after.String(), func(t *testing.T) {
				replacing(t, change, func(s *story) {
					old := s.occupant("web").incarnation
					s.begins()
					s.sleep(after)
					s.breaks(func() { s.sleep(3 * time.Second) })
					s.sleep(time.Minute)
					s.want("phases", s.phases(), "web ready")
					if s.occupant("web").incarnation == old || s.second("web") != "" {
						t.Error("it was not replaced")
					}
				})
			})
		}
	}
}

// TestWhatCannotBeUndoneUnseenWaitsForTheDisk: whoever takes over after a death
// has to know that the traffic was turned, and who has the place.
func TestWhatCannotBeUndoneUnseenWaitsForTheDisk(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*generation.Service)
		want   string
	}{
		"the switch":             {slots, "launch web main in slot 1, launch web candidate in slot 1"},
		"the end of the old one": {rolls(0), "launch web main"},
	} {
		t.Run(name, func(t *testing.T) {
			replacing(t, test.change, func(s *story) {
				s.disk.mu.Lock()
				s.disk.off = true // Writes do not come to an end.
				s.disk.mu.Unlock()
				life, leave := context.WithCancel(s.life)
				defer leave()
				go s.Restart(life, api.Caller{}, api.Restart{Project: "p"}, quiet)
				s.sleep(time.Minute)
				s.want("asked", s.helper.took(), test.want)
			})
		})
	}
}
