package supervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

func (d *disk) Remove(string, uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.saved = nil
}

// forgets tries to forget the project and returns the code of what was wrong.
func (s *story) forgets(project string) string {
	_, err := s.Forget(context.Background(), api.Caller{}, api.Forget{Project: project})
	var d *api.Diagnostic
	if err == nil || !errors.As(err, &d) {
		return fmt.Sprint(err)
	}
	return d.Code
}

func TestOnlyWhatIsStoppedIsForgotten(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("web"))
		s.begin()
		s.want("while it runs", s.forgets("p"), "SG0401")
		s.want("of one that is not there", s.forgets("q"), "SG0403")
		if _, err := s.Stop(context.Background(), api.Caller{}, api.Stop{}, quiet); err != nil {
			s.Fatal(err)
		}
		s.want("once it is stopped", s.forgets("p"), "<nil>")
		s.want("what is left", s.phases(), "")
		if s.disk.saved != nil {
			s.Error("its state is still on disk")
		}
		if len(s.helper.live) != 0 {
			s.Errorf("its end is not acknowledged: %v", s.helper.live)
		}
		s.begin()
		s.want("started anew", s.phases(), "web ready")
	})
}

func TestAStartWithoutDependenciesWaitsForNone(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("db"), plain("web", on("db", generation.Started), policy(generation.Always)))
		alone := api.Start{Project: "p", Services: []string{"web"}, NoDeps: true}
		if result, err := s.Start(context.Background(), api.Caller{}, alone, quiet); err != nil || !result.OK {
			s.Fatalf("%+v, %v", result, err)
		}
		s.want("alone", s.phases(), "db down, web ready")
		s.dies()
		s.supervise()
		s.helper.crash("web", 1<<8)
		s.sleep(6e9)
		s.want("after a death and a crash", s.phases(), "db down, web ready")
		s.begin("web")
		s.sleep(1e9)
		s.want("with all that it needs", s.phases(), "db ready, web ready")
	})
}

func TestShutdownLeavesNoEndUnacknowledged(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("web"), plain("db"))
		s.begin()
		result, err := s.Shutdown(context.Background(), api.Caller{}, quiet)
		if err != nil || !result.OK {
			s.Fatalf("%+v, %v", result, err)
		}
		if len(s.helper.live) != 0 {
			s.Errorf("left: %v", s.helper.live)
		}
	})
}

func TestASurveyIsWhatIsBelievedToLive(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("web"), plain("db"))
		s.begin("web")
		survey, err := s.Survey(context.Background(), api.Caller{})
		if err != nil || !survey.Connected || len(survey.Services) != 2 || len(survey.Runs) != 1 {
			s.Fatalf("%+v, %v", survey, err)
		}
		web, run := survey.Services[1], survey.Runs[0]
		if web.Service != "web" || web.Phase != "ready" || !web.Wanted || web.Incarnation != run.Incarnation || !run.Occupies || run.PID == 0 || run.Exited {
			s.Errorf("%+v\n%+v", web, run)
		}
	})
}

func TestProgressTellsOfWhatWaitsAndOfAttempts(t *testing.T) {
	tell(t, func(s *story) {
		tries := 0
		s.helper.probes = func(string) int { tries++; return map[bool]int{true: 1}[tries < 3] }
		s.store.put(
			plain("db", checked(generation.Probe{Interval: 2e9, AttemptTimeout: 9e9, Retries: 5})),
			plain("web", on("db", generation.Started)))
		var steps []string
		_, err := s.Start(context.Background(), api.Caller{}, api.Start{Project: "p"}, func(r api.Reply) error {
			switch p := r.Progress; {
			case p == nil:
			case p.Step != nil:
				steps = append(steps, p.Service+": "+p.Step.Label)
			case p.Phase == "waiting":
				steps = append(steps, p.Service+" waits: "+p.Cause)
			}
			return nil
		})
		if err != nil {
			s.Fatal(err)
		}
		for _, want := range []string{"web waits: dependency db", "db: health check, attempt 1", "db: health check, attempt 3"} {
			if !slices.ContainsFunc(steps, func(step string) bool { return strings.HasPrefix(step, want) }) {
				s.Errorf("no %q in %q", want, steps)
			}
		}
	})
}

func TestALaunchThatFailsHasTheCodeOfItsStage(t *testing.T) {
	for stage, code := range map[spec.Stage]string{
		spec.StageRlimits: "SG0741", spec.StageNice: "SG0742", spec.StageAffinity: "SG0743", spec.StageIONice: "SG0749",
		spec.StageNoNew: "SG0723", spec.StageExec: "SG0113", spec.StageMounts: "SG0721", spec.StageLSM: "SG0721", spec.StageSeccomp: "SG0722",
		spec.StageLandlock: "SG0724", spec.StageNetwork: "SG0727", spec.StageCapSet: "SG0747", spec.StageCaps: "SG0748",
	} {
		if cause := launchFailure(spec.Failed{Stage: stage, Errno: 1}); cause.Code != code {
			t.Errorf("%s: %s, want %s", stage, cause.Code, code)
		}
	}
	for _, test := range []struct {
		stage        spec.Stage
		detail, code string
	}{
		{spec.StageIDs, "supplementary_groups: cannot set them to [4]: operation not permitted", "SG0744"},
		{spec.StageIDs, "group: cannot become group 4: operation not permitted", "SG0745"},
		{spec.StageIDs, "user: cannot become user 33: resource temporarily unavailable", "SG0746"},
		{spec.StageCgroup, "limits.cgroup.memory_max: the kernel lacks it", "SG0721"},
		{spec.StageCgroup, "mkdir: no space left on device", "SG0113"},
		{spec.StageClone, "cannot make the process with isolation.user: no space left on device", "SG0727"},
		{spec.StageClone, "cannot make the process: resource temporarily unavailable", "SG0113"},
	} {
		if cause := launchFailure(spec.Failed{Stage: test.stage, Errno: 1, Detail: test.detail}); cause.Code != test.code {
			t.Errorf("%s: %s: %s, want %s", test.stage, test.detail, cause.Code, test.code)
		}
	}
}

func TestWhatOutlivesAKillIsReported(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("web"))
		s.begin()
		s.helper.leaves("web")
		result, err := s.Stop(context.Background(), api.Caller{}, api.Stop{}, quiet)
		if err != nil || result.OK || len(result.Failed) != 1 || result.Failed[0].Code != "SG0114" {
			s.Errorf("%+v, %v", result, err)
		}
		s.helper.lets("web")
	})
}

func TestAStartOfWhatIsGivenUpAtOnceSaysSo(t *testing.T) {
	tell(t, func(s *story) {
		once := func(v *generation.Service) { v.Restart.MaxRestarts, v.Restart.Backoff = 1, 0 }
		s.store.put(plain("web", policy(generation.Always), once))
		answered := make(chan api.Result, 1)
		go func() {
			result, _ := s.Start(context.Background(), api.Caller{}, api.Start{Project: "p"}, quiet)
			answered <- result
		}()
		s.sleep(0)
		s.helper.crash("web", 1<<8)
		s.sleep(0)
		s.helper.crash("web", 1<<8)
		if result := <-answered; result.OK || result.Failed[0].Code != "SG0110" {
			s.Errorf("%+v", result)
		}
	})
}
