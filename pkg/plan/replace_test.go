package plan

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"systemg.org/sysg/pkg/generation"
)

func bluegreen(grace time.Duration) generation.Service {
	return generation.Service{
		Name: "web", Health: &generation.Probe{}, Ready: generation.Ready{By: generation.ByHealth},
		Rolling: &generation.Rolling{Grace: grace, BlueGreen: &generation.BlueGreen{
			Slots: [2]string{"8001", "8002"}, Check: &generation.Probe{}, Verify: true, Timeout: time.Minute,
		}},
	}
}

func TestStepsAreThoseThatTheServiceAsksFor(t *testing.T) {
	rolling := generation.Service{Rolling: &generation.Rolling{}}
	patient := generation.Service{Rolling: &generation.Rolling{Grace: time.Second}}
	bare := generation.Service{Rolling: &generation.Rolling{BlueGreen: &generation.BlueGreen{}}}
	for name, test := range map[string]struct {
		service generation.Service
		want    string
	}{
		"rolling":           {rolling, "launch (undo: kill), promote, retire"},
		"rolling and grace": {patient, "launch (undo: kill), grace, promote, retire"},
		"slots alone":       {bare, "launch (undo: kill), switch (undo: switch_back), promote, retire"},
		"all of it": {
			bluegreen(time.Second),
			"launch (undo: kill), check, switch (undo: switch_back), verify, grace, recheck, promote, retire",
		},
	} {
		var words []string
		for _, step := range Steps(test.service) {
			words = append(words, step.String())
		}
		if got := strings.Join(words, ", "); got != test.want {
			t.Errorf("%s: %s\n want %s", name, got, test.want)
		}
	}
}

func TestAFailureAtEachStepIsUndone(t *testing.T) {
	want := map[Deed]string{
		DeedLaunch: "[kill]", DeedCheck: "[kill]",
		DeedSwitch: "[switch_back kill]", DeedVerify: "[switch_back kill]",
		DeedGrace: "[switch_back kill]", DeedRecheck: "[switch_back kill]",
		// Nothing that could be undone fails from here on.
		DeedPromote: "[switch_back kill]", DeedRetire: "[switch_back kill]",
	}
	steps := Steps(bluegreen(time.Second))
	if len(steps) != len(want) {
		t.Errorf("%d steps are tested, there are %d", len(want), len(steps))
	}
	for _, step := range steps {
		if got := fmt.Sprint(Undo(steps, step.Do)); got != want[step.Do] {
			t.Errorf("a failure of %s is undone by %s, want %s", step.Do, got, want[step.Do])
		}
	}
}

// TestWhateverFailsTheTrafficGoesToWhatRuns plays each failure with a world
// that has a switch and a candidate.
func TestWhateverFailsTheTrafficGoesToWhatRuns(t *testing.T) {
	steps := Steps(bluegreen(time.Second))
	for _, failing := range steps {
		candidate, traffic := false, "old"
		do := func(deed Deed) {
			switch deed {
			case DeedLaunch:
				candidate = true
			case DeedKill:
				candidate = false
			case DeedSwitch:
				traffic = "candidate"
			case DeedSwitchBack:
				traffic = "old"
			}
			if traffic == "candidate" && !candidate {
				t.Errorf("failure at %s: the traffic goes nowhere after %s", failing.Do, deed)
			}
		}
		for _, step := range steps {
			do(step.Do) // A step that fails may have done its work.
			if step.Do == failing.Do {
				break
			}
		}
		if failing.Do == DeedRetire {
			continue
		}
		for _, deed := range Undo(steps, failing.Do) {
			do(deed)
		}
		if candidate || traffic != "old" {
			t.Errorf("failure at %s leaves candidate %t and the traffic with %s", failing.Do, candidate, traffic)
		}
	}
}

func TestWhatIsStartedByOthersIsNotReplaced(t *testing.T) {
	rolling := func(change func(*generation.Service)) generation.Service {
		service := generation.Service{Rolling: &generation.Rolling{}}
		change(&service)
		return service
	}
	for name, test := range map[string]struct {
		service generation.Service
		want    bool
	}{
		"nobody asks for it": {generation.Service{}, false},
		"rolling":            {rolling(func(*generation.Service) {}), true},
		"skip":               {rolling(func(s *generation.Service) { s.Skip = generation.SkipByCommand }), false},
		"cron":               {rolling(func(s *generation.Service) { s.Cron = &generation.Cron{} }), false},
	} {
		got, why := Gapless(test.service)
		if got != test.want || !got && test.service.Rolling != nil && why == "" {
			t.Errorf("%s: %t, because %q", name, got, why)
		}
	}
}
