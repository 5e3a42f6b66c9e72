package supervisor

import (
	"context"
	"errors"
	"testing"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// rests has the service manager stop the supervisor, which then ends.
func (s *story) rests() (patience []time.Duration) {
	s.Helper()
	if err := s.Rest(s.life, func(step time.Duration) { patience = append(patience, step) }); err != nil {
		s.Error(err)
	}
	s.dies()
	return patience
}

func TestAtTheEndOfTheMachineEverythingIsStoppedInOrder(t *testing.T) {
	tell(t, func(s *story) {
		hooked := func(v *generation.Service) {
			v.Hooks = []generation.Hook{{Role: spec.RoleOnStop, Timeout: time.Minute}}
		}
		s.store.put(plain("db"), plain("api", on("db", generation.Started)), plain("off", hooked))
		s.begin()
		if _, err := s.Stop(context.Background(), api.Caller{}, api.Stop{Project: "p", Services: []string{"off"}}, quiet); err != nil {
			t.Fatal(err)
		}
		s.helper.took()
		patience := s.rests()
		s.want("asked", s.helper.took(), "signal api 15, signal db 15")
		if len(patience) < 3 || patience[0] < time.Minute {
			t.Errorf("systemd was asked for %v", patience)
		}
		s.helper, s.boot = newHelper(t), "boot-2"
		s.supervise()
		s.sleep(time.Second)
		s.want("after the boot", s.phases(), "api ready, db ready, off down")
	})
}

func TestAfterAnAdministratorsStopNothingStartsByItself(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("db"), plain("api"), plain("web"))
		s.begin()
		s.rests()
		s.helper.took()
		s.supervise()
		s.sleep(time.Hour)
		s.want("phases", s.phases(), "api down, db down, web down")
		s.want("asked", s.helper.took(), "")
		// What is said of one service from here on counts; the others wait.
		if _, err := s.Start(context.Background(), api.Caller{}, api.Start{Project: "p", Services: []string{"db"}}, quiet); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Stop(context.Background(), api.Caller{}, api.Stop{Project: "p", Services: []string{"web"}}, quiet); err != nil {
			t.Fatal(err)
		}
		s.want("phases", s.phases(), "api down, db ready, web down")
		s.dies()
		s.helper, s.boot = newHelper(t), "boot-2"
		s.supervise()
		s.sleep(time.Second)
		s.want("after the boot", s.phases(), "api ready, db ready, web down")
	})
}

func TestNothingIsStartedWhileTheMachineGoesDown(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api"))
		s.helper.deaf["api"] = true
		s.begin()
		go s.Rest(s.life, func(time.Duration) {})
		s.sleep(time.Second)
		var refused *api.Diagnostic
		_, err := s.Start(context.Background(), api.Caller{}, api.Start{Project: "p"}, quiet)
		if !errors.As(err, &refused) || refused.Code != api.CodeNoSupervisor {
			t.Errorf("a start while it goes down: %v", err)
		}
	})
}
