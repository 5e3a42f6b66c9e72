package supervisor

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
)

// bounded sets start.max_concurrent in what is installed last.
func (s *story) bounded(bound int) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	g := s.store.stored[s.store.active]
	g.Settings.MaxConcurrent = bound
	s.store.stored[s.store.active] = g
}

func TestNoMoreStartAtATimeThanTheBoundLets(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("a"), plain("b"), plain("c"), plain("d", on("a", generation.Started)), plain("e"))
		s.bounded(2)
		answered := s.asks(func() (api.Result, error) {
			return s.Start(s.life, api.Caller{}, api.Start{Project: "p"}, quiet)
		})
		synctest.Wait()
		s.want("at first", s.helper.took(), "launch a main, launch b main")
		if got := s.unit("c").Cause; got != "as many services as start.max_concurrent lets are starting" {
			t.Errorf("c waits: %s", got)
		}
		s.sleep(250 * time.Millisecond)
		s.want("then", s.helper.took(), "launch c main, launch d main")
		s.sleep(250 * time.Millisecond)
		s.want("at last", s.helper.took(), "launch e main")
		s.sleep(250 * time.Millisecond)
		if result, err := answered(); err != nil || !result.OK {
			t.Error(result, err)
		}
	})
}

func TestANewBoundCountsFromTheNextCommandOn(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("a"), plain("b"))
		s.begin()
		s.helper.took()
		s.bounded(1)
		s.restarts()
		s.want("asked", s.helper.took(), "signal a 15, signal b 15, launch a main, launch b main")
		if s.Supervisor.bound != 1 {
			t.Error("the bound is not taken")
		}
	})
}

func TestAReloadTouchesOnlyWhatChanged(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("a"), plain("b"), plain("seed", policy(generation.Never)))
		s.asks(func() (api.Result, error) { return s.Start(s.life, api.Caller{}, api.Start{Project: "p"}, quiet) })
		s.sleep(time.Second)
		s.helper.crash("seed", 0)
		s.stops("b")()
		s.helper.took()
		reload := func() api.Result {
			result, err := s.Restart(context.Background(), api.Caller{}, api.Restart{Project: "p", Reconcile: true}, quiet)
			if err != nil || !result.OK {
				t.Error(result, err)
			}
			return result
		}
		s.want("message", reload().Message, "Project 'p' reloaded")
		s.store.put(plain("a", as("2")), plain("b", as("2")), plain("seed", policy(generation.Never)))
		reload()
		s.want("asked", s.helper.took(), "signal a 15, launch a main")
		s.want("phases", s.phases(), "a ready, b down, seed done")
	})
}

func TestAnUnknownNameChangesNothing(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("web"))
		s.begin()
		s.helper.took()
		s.store.put(plain("web", as("2")), plain("new"))
		var unknown *api.Diagnostic
		_, err := s.Start(context.Background(), api.Caller{}, api.Start{Project: "p", Services: []string{"nobody"}}, quiet)
		if !errors.As(err, &unknown) || unknown.Code != api.CodeUnknownUnit || unknown.Notes[0] != "its services are: new, web" {
			t.Error(err)
		}
		_, err = s.Restart(context.Background(), api.Caller{}, api.Restart{Project: "p", Services: []string{"nobody"}}, quiet)
		if !errors.As(err, &unknown) || unknown.Code != api.CodeUnknownUnit {
			t.Error(err)
		}
		s.sleep(time.Minute)
		s.want("asked", s.helper.took(), "")
		s.want("phases", s.phases(), "web ready")
	})
}

func TestAChangedManifestClearsAGivenUpService(t *testing.T) {
	tell(t, func(s *story) {
		limited := func(s *generation.Service) { s.Restart.MaxRestarts = 0 }
		s.store.put(plain("web", limited))
		s.begin()
		s.helper.crash("web", code3)
		s.sleep(time.Second)
		s.want("phases", s.phases(), "web given_up")
		if s.unit("web").NextRetryAt == "" {
			t.Error("nobody knows when it is tried again")
		}
		s.store.put(plain("web", limited, as("2")))
		s.restarts()
		s.want("phases", s.phases(), "web ready")
	})
}

func TestGenerationsAndStandingAreTold(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.rolling = true
		s.store.put(plain("web", rolls(0)))
		s.begin()
		s.store.put(plain("web", rolls(0), as("2")))
		s.after(100*time.Millisecond, func() { s.helper.exit(s.second("web"), code3) })
		s.restarts()
		all, err := s.Generations(context.Background(), api.Caller{}, api.Generations{Project: "p"})
		if err != nil || len(all) != 2 || all[0].Active || !all[1].Active || !all[1].Current {
			t.Errorf("%+v, %v", all, err)
		}
		standing, err := s.Standing(context.Background(), api.Caller{}, api.StandingOf{Project: "p"})
		if err != nil || len(standing.Services) != 1 || !standing.Services[0].Outdated || standing.Services[0].Phase != "ready" {
			t.Errorf("%+v, %v", standing, err)
		}
		for _, ask := range []func() error{
			func() error {
				_, err := s.Generations(context.Background(), api.Caller{}, api.Generations{Project: "q"})
				return err
			},
			func() error {
				_, err := s.Standing(context.Background(), api.Caller{}, api.StandingOf{Project: "q"})
				return err
			},
		} {
			var unknown *api.Diagnostic
			if err := ask(); !errors.As(err, &unknown) || unknown.Code != api.CodeUnknownUnit {
				t.Error(err)
			}
		}
	})
}
