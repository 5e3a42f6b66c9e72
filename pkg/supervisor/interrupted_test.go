package supervisor

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/generation"
)

// Stories of things that happen while nobody looks, and of clients who want
// opposite things.

// breaks ends the connection; what happens before dial is for nobody's ears.
func (s *story) breaks(meanwhile func()) {
	s.helper.mu.Lock()
	lost := s.helper.events
	s.helper.events = make(chan execclient.Event, 1000)
	s.helper.mu.Unlock()
	meanwhile()
	close(lost)
	synctest.Wait()
}

// asks runs a command beside the story and tells what became of it.
func (s *story) asks(command func() (api.Result, error)) (answered func() (api.Result, error)) {
	s.Helper()
	done := make(chan struct{})
	var result api.Result
	var err error
	go func() {
		result, err = command()
		close(done)
	}()
	return func() (api.Result, error) {
		s.Helper()
		synctest.Wait()
		select {
		case <-done:
		default:
			s.Fatal("a command is not answered")
		}
		return result, err
	}
}

func (s *story) stops(services ...string) func() (api.Result, error) {
	return s.asks(func() (api.Result, error) {
		return s.Stop(s.life, api.Caller{}, api.Stop{Project: "p", Services: services}, quiet)
	})
}

func TestTheEndOfWhatLingersIsHeardAfterALostConnection(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api"))
		s.helper.leaves("api")
		s.begin()
		s.helper.crash("api", 9)
		s.want("while something lingers", s.phases(), "api ending")
		s.breaks(func() { s.helper.lets("api") })
		s.want("phases", s.phases(), "api backing_off")
	})
}

func TestALostConnectionCostsNoProbe(t *testing.T) {
	tell(t, func(s *story) {
		failing := true
		s.helper.probes = func(string) int {
			if failing {
				return 1
			}
			return 0
		}
		s.store.put(plain("db", checked(generation.Probe{Interval: 10 * time.Second, AttemptTimeout: time.Second, Retries: 2})))
		answered := s.asks(func() (api.Result, error) {
			return s.Start(s.life, api.Caller{}, api.Start{Project: "p"}, quiet)
		})
		s.sleep(time.Second)
		failing = false
		s.breaks(func() {})
		s.want("phases", s.phases(), "db ready")
		if result, err := answered(); err != nil || !result.OK {
			t.Error(result, err)
		}
	})
}

func TestAHealthCheckDoesNotFailForWantOfSysgExec(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.probes = func(string) int { return 1 }
		s.store.put(plain("db", checked(generation.Probe{Interval: time.Second, AttemptTimeout: time.Second, Retries: 5})))
		go s.Start(s.life, api.Caller{}, api.Start{Project: "p"}, quiet)
		s.sleep(500 * time.Millisecond)
		s.unreachable.Store(true)
		s.breaks(func() {})
		s.sleep(time.Minute)
		s.want("without sysg-exec", s.phases(), "db starting")
		s.unreachable.Store(false)
		s.helper.probes = func(string) int { return 0 }
		s.phases() // Whoever asks has sysg-exec looked for.
		s.want("with it", s.phases(), "db ready")
	})
}

func TestACommandIsAnsweredWithoutSysgExec(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api"))
		s.helper.deaf["api"] = true
		s.begin()
		stopped := s.stops()
		s.sleep(time.Second)
		s.unreachable.Store(true)
		s.breaks(func() {})
		var diagnostic *api.Diagnostic
		if _, err := stopped(); !errors.As(err, &diagnostic) || diagnostic.Code != api.CodeHelper {
			t.Error(err)
		}
		s.unreachable.Store(false)
		again := s.stops()
		s.sleep(time.Minute)
		if result, err := again(); err != nil || !result.OK {
			t.Error(result, err)
		}
		s.want("phases", s.phases(), "api down")
	})
}

func TestARestartStartsWhatWasStopped(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("db"), plain("api", on("db", generation.Started)))
		s.begin()
		s.stops("api")()
		answered := s.asks(func() (api.Result, error) {
			return s.Restart(s.life, api.Caller{}, api.Restart{Project: "p", Services: []string{"api"}}, quiet)
		})
		s.sleep(time.Second)
		s.want("phases", s.phases(), "api ready, db ready")
		if result, err := answered(); err != nil || !result.OK {
			t.Error(result, err)
		}
	})
}

func TestARestartOfEverythingDoesNotRunAOneShotAgain(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("seed", policy(generation.Never)), plain("api", on("seed", generation.Completed)))
		go s.Start(s.life, api.Caller{}, api.Start{Project: "p"}, quiet)
		s.sleep(time.Second)
		s.helper.crash("seed", 0)
		s.sleep(time.Second)
		s.helper.took()
		if result, err := s.Restart(s.life, api.Caller{}, api.Restart{Project: "p"}, quiet); err != nil || !result.OK {
			t.Error(result, err)
		}
		s.want("asked", s.helper.took(), "signal api 15, launch api main")
		go s.Restart(s.life, api.Caller{}, api.Restart{Project: "p", Services: []string{"seed"}}, quiet)
		s.sleep(time.Second)
		s.want("asked by name", s.helper.took(), "signal api 15, launch seed main")
	})
}

func TestAStartDoesNotRunAOneShotAgainThatJustEnds(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("seed", policy(generation.Never)), plain("api", on("seed", generation.Completed)))
		s.helper.leaves("seed")
		go s.Start(s.life, api.Caller{}, api.Start{Project: "p"}, quiet)
		s.sleep(time.Second)
		s.helper.crash("seed", 0)
		go s.Start(s.life, api.Caller{}, api.Start{Project: "p"}, quiet)
		synctest.Wait()
		s.breaks(func() { s.helper.lets("seed") })
		s.sleep(time.Second)
		s.want("phases", s.phases(), "api ready, seed done")
	})
}

func TestWhatIsRemovedWhileItsStopIsWaitedForAnswers(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("db", policy(generation.Never)), plain("api", func(v *generation.Service) {
			v.DependsOn = []generation.Dependency{{Service: "db", Condition: generation.Started, Keep: true}}
		}))
		s.begin()
		s.helper.deaf["api"] = true
		s.helper.crash("db", code3)
		both := s.stops()
		synctest.Wait()
		s.store.put(plain("api"))
		go s.Restart(s.life, api.Caller{}, api.Restart{Project: "p"}, quiet)
		s.sleep(time.Minute)
		if result, err := both(); err != nil || !result.OK {
			t.Error(result, err)
		}
		s.want("phases", s.phases(), "api ready")
	})
}

func TestOppositeWishesAreBothAnswered(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("db"), plain("api", on("db", generation.Started)))
		s.helper.deaf["api"] = true
		s.begin()
		stopped := s.stops()
		synctest.Wait()
		started := s.asks(func() (api.Result, error) {
			return s.Start(s.life, api.Caller{}, api.Start{Project: "p"}, quiet)
		})
		synctest.Wait()
		again := s.stops("db")
		s.sleep(time.Minute)
		for _, answered := range []func() (api.Result, error){stopped, started, again} {
			if _, err := answered(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestAShutdownWaitsForProbesAndLetsNobodyStart(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.probes = func(string) int { return 1 }
		s.store.put(plain("db", checked(generation.Probe{Interval: time.Second, AttemptTimeout: time.Second, Retries: 500})))
		s.helper.deaf["db"] = true
		go s.Start(s.life, api.Caller{}, api.Start{Project: "p"}, quiet)
		s.sleep(500 * time.Millisecond)
		ended := s.asks(func() (api.Result, error) { return s.Shutdown(s.life, api.Caller{}, quiet) })
		synctest.Wait()
		if _, err := s.Start(s.life, api.Caller{}, api.Start{Project: "p"}, quiet); err == nil {
			t.Error("started while everything is being stopped")
		}
		s.helper.leaves("db")
		s.sleep(11 * time.Second)
		s.breaks(func() { s.helper.lets("db") })
		if result, err := ended(); err != nil || !result.OK {
			t.Error(result, err)
		}
		if err := <-s.over; !errors.Is(err, ErrEnded) {
			t.Error(err)
		}
		s.over <- nil
	})
}

func TestAnInstalledGenerationIsTakenUpWhereTheOldOneIsRefused(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api"))
		s.begin()
		s.store.put(plain("api"))
		s.helper.oldest = s.store.put(plain("api")) // and whoever did that died
		s.helper.crash("api", code3)
		s.sleep(time.Minute)
		s.want("phases", s.phases(), "api ready")
	})
}

func TestAForegroundProjectEndsWhenItsServiceFailsForGood(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", func(v *generation.Service) { v.NoRestart = []generation.Exit{{Code: 7}} }))
		ended := s.asks(func() (api.Result, error) {
			return s.Start(context.Background(), api.Caller{}, api.Start{Project: "p", Foreground: true}, quiet)
		})
		s.sleep(time.Second)
		s.helper.crash("api", code3)
		s.sleep(10 * time.Second)
		s.helper.crash("api", 7<<8)
		if result, err := ended(); err != nil || !strings.Contains(result.Message, "ended") {
			t.Error(result, err)
		}
	})
}

func TestTheNextRunWaitsForTheEndOfAStray(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api"))
		s.begin()
		s.sleep(time.Second)
		s.dies()
		s.helper.leaves("api")
		s.helper.crash("api", 9)
		// A stray of which a saved state knows nothing, and of which something lives on.
		record := s.disk.saved.State.Services["api"]
		record.Phase, record.Incarnation = "waiting", ""
		record.Since = time.Now().Add(time.Hour)
		s.disk.saved.State.Services["api"] = record
		s.helper.took()
		s.supervise()
		s.want("phases", s.phases(), "api waiting")
		s.want("asked", s.helper.took(), "kill api")
		s.breaks(func() { s.helper.lets("api") })
		s.sleep(time.Second)
		s.want("phases", s.phases(), "api ready")
	})
}

// TestAStartThatIsOvertakenByAStopDoesNotClaimSuccess: what was asked for is not
// so, whoever may have wanted that.
func TestAStartThatIsOvertakenByAStopDoesNotClaimSuccess(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("a", policy(generation.Never)), plain("b", on("a", generation.Completed)))
		ended := make(chan api.Result, 1)
		go func() {
			result, _ := s.Start(s.life, api.Caller{}, api.Start{Project: "p"}, quiet)
			ended <- result
		}()
		s.sleep(time.Second)
		if _, err := s.Stop(s.life, api.Caller{}, api.Stop{Project: "p"}, quiet); err != nil {
			t.Error(err)
		}
		if result := <-ended; result.OK || len(result.Failed) != 2 {
			t.Errorf("%+v", result)
		}
	})
}
