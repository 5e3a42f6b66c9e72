package supervisor

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

const code3 = 3 << 8 // the wait status of exit(3)

func TestAChainStartsInOrderOfReadiness(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("db"), plain("api", on("db", generation.Started)), plain("web", on("api", generation.Started)))
		begun := time.Now()
		result := s.begin()
		if !result.OK {
			t.Error(result)
		}
		s.want("launches", s.helper.took(), "launch db main, launch api main, launch web main")
		s.want("phases", s.phases(), "api ready, db ready, web ready")
		if took := time.Since(begun); took != 750*time.Millisecond {
			t.Errorf("three services that are stable after 250ms took %s", took)
		}
	})
}

func TestAOneShotGatesItsDependants(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("seed", policy(generation.Never)), plain("api", on("seed", generation.Completed)))
		go s.Start(s.life, api.Caller{}, api.Start{Project: "p"}, quiet)
		s.sleep(time.Second)
		s.want("while it runs", s.phases(), "api waiting, seed ready")
		s.helper.crash("seed", 0)
		s.sleep(time.Second)
		s.want("when it is done", s.phases(), "api ready, seed done")
	})
}

func TestACrashIsAnsweredInTheSameTurnWithBackoffZero(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", func(v *generation.Service) { v.Restart.Backoff = 0 }))
		s.begin()
		s.helper.took()
		before := time.Now()
		s.helper.crash("api", 9)
		synctest.Wait()
		s.want("asked", s.helper.took(), "launch api main")
		if time.Since(before) != 0 {
			t.Error("time passed")
		}
	})
}

func TestBackoffDoublesAndTheBudgetEnds(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", func(v *generation.Service) { v.Restart.MaxRestarts = 3 }))
		s.begin()
		for _, pause := range []time.Duration{5, 10, 20} {
			s.helper.crash("api", code3)
			s.sleep(pause * time.Second * 8 / 10)
			s.want("before its time", s.phases(), "api backing_off")
			s.sleep(pause * time.Second * 4 / 10)
			s.want("after its time", s.phases(), "api ready")
		}
		s.helper.crash("api", code3)
		s.want("after three restarts", s.phases(), "api given_up")
		s.sleep(14 * time.Minute)
		s.want("while it rests", s.phases(), "api given_up")
		s.sleep(2 * time.Minute)
		s.want("after retry_after", s.phases(), "api ready")
		s.helper.crash("api", code3)
		s.want("the count starts anew", s.phases(), "api backing_off")
	})
}

func TestASteadyRunForgivesEarlierFailures(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", func(v *generation.Service) { v.Restart.MaxRestarts = 1 }))
		s.begin()
		for range 5 {
			s.helper.crash("api", code3)
			s.sleep(6*time.Second + time.Minute)
			s.want("still tried", s.phases(), "api ready")
		}
	})
}

func TestDependantsOfAFailureComeBackWithIt(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("db"), plain("api", on("db", generation.Started)), plain("cache"),
			plain("report", func(v *generation.Service) {
				v.DependsOn = []generation.Dependency{{Service: "db", Condition: generation.Started, Keep: true}}
			}))
		s.begin()
		s.helper.took()
		s.helper.crash("db", 9)
		synctest.Wait()
		s.want("asked", s.helper.took(), "signal api 15")
		s.want("meanwhile", s.phases(), "api waiting, cache ready, db backing_off, report ready")
		links, err := s.Why(context.Background(), api.Caller{}, api.Why{Project: "p", Service: "api"})
		if err != nil || len(links) != 2 || !strings.Contains(links[0].Cause, "dependency db: backing off, next try in") ||
			links[1].Cause != "it was ended by signal 9 (killed)" {
			t.Errorf("%v %+v", err, links)
		}
		s.sleep(7 * time.Second)
		s.want("afterwards", s.phases(), "api ready, cache ready, db ready, report ready")
		s.want("asked", s.helper.took(), "launch db main, launch api main")
	})
}

func TestWhatWaitsStartsByItselfWhenItsDependencyIsRepaired(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.broken["db"] = spec.Failed{Stage: spec.StageExec, Errno: int(syscall.ENOENT), Detail: "no such program"}
		s.store.put(plain("db", policy(generation.Never)), plain("api", on("db", generation.Started)))
		result := s.begin()
		if result.OK || len(result.Failed) != 2 {
			t.Fatalf("%+v", result)
		}
		s.want("codes", result.Failed[0].Code+" "+result.Failed[1].Code, api.CodeDependency+" "+api.CodeLaunch)
		s.want("phases", s.phases(), "api waiting, db failed")
		delete(s.helper.broken, "db")
		s.begin("db")
		s.sleep(time.Second)
		s.want("phases", s.phases(), "api ready, db ready")
	})
}

func TestStopGoesInReverseAndAnswersWhenItIsTrue(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("db"), plain("api", on("db", generation.Started)))
		s.helper.deaf["api"] = true
		s.begin()
		s.helper.took()
		begun := time.Now()
		result, err := s.Stop(context.Background(), api.Caller{}, api.Stop{Project: "p"}, quiet)
		if err != nil || !result.OK {
			t.Error(result, err)
		}
		if took := time.Since(begun); took != 10*time.Second {
			t.Errorf("a deaf service was killed after %s", took)
		}
		s.want("asked", s.helper.took(), "signal api 15, kill api, signal db 15")
		s.want("phases", s.phases(), "api down, db down")
		s.sleep(time.Hour)
		s.want("an hour later", s.phases(), "api down, db down")
	})
}

func TestStopOfOneLeavesItsDependants(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("db"), plain("api", on("db", generation.Started)))
		s.begin()
		if _, err := s.Stop(context.Background(), api.Caller{}, api.Stop{Project: "p", Services: []string{"db"}}, quiet); err != nil {
			t.Error(err)
		}
		s.want("phases", s.phases(), "api ready, db down")
	})
}

func TestStartOfWhatIsStoppingBringsItBack(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api"))
		s.helper.deaf["api"] = true
		s.begin()
		go s.Stop(s.life, api.Caller{}, api.Stop{Project: "p"}, quiet)
		s.sleep(time.Second)
		s.want("on its way down", s.phases(), "api stopping")
		s.begin()
		s.want("and up again", s.phases(), "api ready")
	})
}

func TestRestartAppliesOnlyWhatChanged(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("db"), plain("api", on("db", generation.Started)), plain("old"))
		s.begin()
		s.helper.took()
		changed := plain("api", on("db", generation.Started))
		changed.Hash = "api-2"
		number := s.store.put(plain("db"), changed, plain("new"))
		result, err := s.Restart(context.Background(), api.Caller{}, api.Restart{Project: "p", Generation: number}, quiet)
		if err != nil || !result.OK {
			t.Error(result, err)
		}
		asked := s.helper.took()
		if strings.Contains(asked, "db") || !strings.Contains(asked, "launch api main") || !strings.Contains(asked, "launch new main") || !strings.Contains(asked, "signal old") {
			t.Error(asked)
		}
		s.want("phases", s.phases(), "api ready, db ready, new ready")
	})
}

func TestRestartOfAnUnchangedProjectRestartsAllInOrder(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("db"), plain("seed", policy(generation.Never), on("db", generation.Started)), plain("api", on("db", generation.Started)))
		go s.Start(s.life, api.Caller{}, api.Start{Project: "p"}, quiet)
		s.sleep(time.Second)
		s.helper.crash("seed", 0)
		s.sleep(time.Second)
		s.helper.took()
		go s.Restart(s.life, api.Caller{}, api.Restart{Project: "p", Services: []string{"db", "api"}}, quiet)
		s.sleep(time.Second)
		s.want("asked", s.helper.took(), "signal api 15, signal db 15, launch db main, launch api main")
		s.want("phases", s.phases(), "api ready, db ready, seed done")
	})
}

func TestAHealthCheckGates(t *testing.T) {
	tell(t, func(s *story) {
		tries := 0
		s.helper.probes = func(string) int {
			tries++
			return min(1, max(0, 3-tries)) // fails twice
		}
		s.store.put(plain("db", checked(generation.Probe{Interval: 2 * time.Second, AttemptTimeout: time.Second, Retries: 5})))
		begun := time.Now()
		if result := s.begin(); !result.OK {
			t.Error(result)
		}
		if took := time.Since(begun); took != 4*time.Second {
			t.Errorf("ready after %s", took)
		}
	})
}

func TestAHealthCheckThatNeverPassesIsAFailure(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.probes = func(string) int { return 1 }
		s.store.put(plain("db", checked(generation.Probe{Interval: 2 * time.Second, AttemptTimeout: time.Second, Retries: 3})))
		result := s.begin()
		if result.OK || result.Failed[0].Code != api.CodeUnhealthy {
			t.Errorf("%+v", result)
		}
		s.want("phases", s.phases(), "db backing_off")
	})
}

func TestServicesOutliveTheSupervisor(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("db"), plain("api", on("db", generation.Started)), plain("job", policy(generation.Never)))
		s.begin()
		s.helper.took()
		s.dies()
		s.helper.crash("job", 0)
		s.supervise()
		s.want("nothing is launched anew", s.helper.took(), "")
		s.want("phases", s.phases(), "api ready, db ready, job done")
		s.sleep(time.Second)
		if s.helper.mu.Lock(); len(s.helper.live) != 2 {
			t.Errorf("the end of job is not acknowledged: %v", s.helper.live)
		}
		s.helper.mu.Unlock()
	})
}

func TestAnExitMeanwhileIsReportedWithItsCode(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", policy(generation.Never)))
		s.begin()
		s.dies()
		s.helper.crash("api", 42<<8)
		s.supervise()
		snapshot, err := s.Status(context.Background(), api.Caller{}, api.Status{})
		if err != nil || snapshot.Units[0].LastExit == nil || *snapshot.Units[0].LastExit.Code != 42 {
			t.Errorf("%v %+v", err, snapshot.Units)
		}
		s.want("phases", s.phases(), "api failed")
	})
}

func TestABootStartsWhatWasWanted(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("db"), plain("off"))
		s.begin()
		if _, err := s.Stop(context.Background(), api.Caller{}, api.Stop{Project: "p", Services: []string{"off"}}, quiet); err != nil {
			t.Error(err)
		}
		s.dies()
		s.helper, s.boot = newHelper(t), "boot-2"
		s.supervise()
		s.sleep(time.Second)
		s.want("phases", s.phases(), "db ready, off down")
		s.want("asked", s.helper.took(), "launch db main")
	})
}

func TestALostConnectionLosesNothing(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("db"), plain("api"))
		s.begin()
		s.helper.took()
		s.helper.mu.Lock()
		lost := s.helper.events
		s.helper.events = make(chan execclient.Event, 10)
		s.helper.mu.Unlock()
		s.helper.crash("api", 9) // while nobody listens
		close(lost)
		synctest.Wait()
		s.want("phases", s.phases(), "api backing_off, db ready")
	})
}

func TestAForegroundProjectEndsWithItsClient(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("db"))
		ctx, hangUp := context.WithCancel(context.Background())
		go s.Start(ctx, api.Caller{}, api.Start{Project: "p", Foreground: true}, quiet)
		s.sleep(time.Second)
		s.want("phases", s.phases(), "db ready")
		hangUp()
		s.want("phases", s.phases(), "db down")
	})
}
