package supervisor

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/probe"
	"systemg.org/sysg/pkg/spec"
)

func stopsBy(s *generation.Service) { s.Stop.Command = true }

func TestTheStopCommandComesBeforeTheSignal(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.acts = map[spec.Role]int{spec.RoleStop: 0}
		s.store.put(plain("api", stopsBy))
		s.begin()
		s.helper.took()
		s.halt()
		s.want("asked", s.helper.took(), "launch api stop, signal api 15")
	})
}

func TestTheStopCommandAndTheSignalShareTheirTime(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.acts = map[spec.Role]int{spec.RoleStop: -1}
		s.store.put(plain("api", stopsBy))
		s.begin()
		s.helper.took()
		begun := time.Now()
		s.halt()
		if took := time.Since(begun); took != 10*time.Second {
			t.Errorf("it took %s", took)
		}
		if asked := s.helper.took(); !strings.HasPrefix(asked, "launch api stop, kill api") || strings.Contains(asked, "signal") {
			t.Error(asked)
		}
		s.sleep(time.Second)
		s.want("alive", s.helper.living(), "")
	})
}

func TestAStopCommandThatEndsTheServiceNeedsNoSignal(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.acts = map[spec.Role]int{spec.RoleStop: -1}
		s.store.put(plain("api", stopsBy))
		s.begin()
		s.helper.took()
		go s.Stop(s.life, api.Caller{}, api.Stop{Project: "p"}, quiet)
		s.sleep(time.Second)
		s.helper.crash("api", 0)
		s.sleep(time.Second)
		s.want("asked", s.helper.took(), "launch api stop, kill api")
		s.want("alive", s.helper.living(), "")
		s.want("phases", s.phases(), "api down")
	})
}

func TestAStopCommandInProgressIsWaitedForByTheNextSupervisor(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.acts = map[spec.Role]int{spec.RoleStop: -1}
		s.store.put(plain("api", stopsBy))
		s.begin()
		go s.Stop(s.life, api.Caller{}, api.Stop{Project: "p"}, quiet)
		s.sleep(time.Second)
		s.dies()
		s.helper.took()
		s.supervise()
		s.sleep(time.Second)
		s.want("asked", s.helper.took(), "")
		s.helper.ends(spec.RoleStop, 0)
		s.sleep(time.Second)
		s.want("asked", s.helper.took(), "signal api 15")
		s.want("phases", s.phases(), "api down")
	})
}

func TestAFailureIsEndedWithoutTheStopCommand(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", stopsBy, policy(generation.Never), func(v *generation.Service) {
			v.Notify, v.Watchdog = true, time.Second
		}))
		s.begin()
		s.helper.took()
		s.sleep(2 * time.Second)
		s.want("asked", s.helper.took(), "signal api 15")
		s.want("phases", s.phases(), "api failed")
	})
}

func live(check generation.Probe) func(*generation.Service) {
	return func(s *generation.Service) { s.Liveness = &check }
}

func TestLivenessEndsAServiceAfterFailuresInARow(t *testing.T) {
	tell(t, func(s *story) {
		var code atomic.Int32
		s.helper.probes = func(string) int { return int(code.Load()) }
		s.store.put(plain("api", live(generation.Probe{Interval: 2 * time.Second, AttemptTimeout: time.Second, Retries: 3})))
		s.begin()
		s.sleep(3 * time.Second)
		s.want("asked", s.helper.took(), "launch api main, launch api liveness")
		code.Store(1)
		s.sleep(4 * time.Second)
		s.want("health", s.unitOf("api").Health, "warn")
		code.Store(0)
		s.sleep(2 * time.Second)
		s.want("health", s.unitOf("api").Health, "healthy")
		code.Store(1)
		s.sleep(7 * time.Second)
		unit := s.unitOf("api")
		s.want("cause", unit.Phase+": "+unit.Cause,
			"backing_off: its liveness check failed: 3 attempts in a row failed; the last attempt exited with code 1")
		code.Store(0)
		s.sleep(10 * time.Second)
		s.want("phases", s.phases(), "api ready")
	})
}

func TestALivenessAttemptOfAStoppedServiceEndsWithIt(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.acts = map[spec.Role]int{spec.RoleLiveness: -1}
		s.store.put(plain("api", live(generation.Probe{Interval: time.Second, AttemptTimeout: time.Hour, Retries: 3})))
		s.begin()
		s.sleep(2 * time.Second)
		s.want("alive", s.helper.living(), "main liveness")
		s.halt()
		s.sleep(time.Second)
		s.want("alive", s.helper.living(), "")
	})
}

func TestACheckByConnectionFailsWithTheCodeOfItsKind(t *testing.T) {
	for code, answer := range map[string]probe.Answer{
		api.CodeUnreached:     {Class: probe.Unreached, Text: "could not connect: connection refused"},
		api.CodeHealthTimeout: {Class: probe.TimedOut, Text: "did not answer in time"},
		api.CodeUnhealthy:     {Class: probe.Unhealthy, Text: "answered 503 Busy"},
	} {
		tell(t, func(s *story) {
			s.connect = func(context.Context, generation.Probe) probe.Answer { return answer }
			s.store.put(plain("api", policy(generation.Never), checked(generation.Probe{
				URL: "http://localhost/", Interval: time.Second, AttemptTimeout: time.Second, Retries: 2,
			})))
			result := s.begin()
			if result.OK || result.Failed[0].Code != code || !strings.HasSuffix(result.Failed[0].Title, "the last attempt "+answer.Text) {
				t.Errorf("%s: %+v", code, result)
			}
		})
	}
}

func TestAConnectionIsGivenUpWithItsService(t *testing.T) {
	tell(t, func(s *story) {
		ended := make(chan error, 1)
		s.connect = func(ctx context.Context, _ generation.Probe) probe.Answer {
			<-ctx.Done()
			ended <- ctx.Err()
			return probe.Answer{Class: probe.TimedOut}
		}
		s.store.put(plain("api", checked(generation.Probe{TCP: "localhost:1", Interval: time.Second, AttemptTimeout: time.Hour, Retries: 1})))
		go s.Start(s.life, api.Caller{}, api.Start{Project: "p"}, quiet)
		s.sleep(time.Second)
		s.halt()
		synctest.Wait()
		if err := <-ended; err != context.Canceled {
			t.Error(err)
		}
		s.want("phases", s.phases(), "api down")
	})
}

func TestAnAnswerComesWhenWhatWasWrittenIsCaptured(t *testing.T) {
	for name, ends := range map[string]bool{"the pipe ends": true, "something holds it open": false} {
		t.Run(name, func(t *testing.T) {
			tell(t, func(s *story) {
				s.store.put(plain("api"))
				s.begin()
				r := s.occupant("api")
				s.inbox.post(func() { r.pipes++ })
				answered := make(chan api.Result, 1)
				go func() { answered <- s.halt("api") }()
				s.sleep(lastWords / 2)
				if len(answered) != 0 {
					t.Error("answered although output is on its way")
				}
				if ends {
					s.Drained(r.incarnation)
				} else {
					s.sleep(lastWords)
				}
				synctest.Wait()
				if len(answered) != 1 {
					t.Error("not answered")
				}
			})
		})
	}
}
