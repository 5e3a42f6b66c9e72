package supervisor

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// rolls makes a service one that is replaced without a gap.
func rolls(grace time.Duration) func(*generation.Service) {
	return func(s *generation.Service) { s.Rolling = &generation.Rolling{Grace: grace} }
}

// slots makes it a blue/green one, with everything that can be declared.
func slots(s *generation.Service) {
	s.Rolling = &generation.Rolling{Grace: time.Second, BlueGreen: &generation.BlueGreen{
		Slots: [2]string{"8001", "8002"}, Verify: true, Timeout: time.Minute,
		Check: &generation.Probe{Interval: time.Second, AttemptTimeout: time.Second, Retries: 2},
	}}
}

// as gives a service another definition.
func as(hash string) func(*generation.Service) {
	return func(s *generation.Service) { s.Hash = s.Name + "-" + hash }
}

// restarts restarts the project with what is installed, and waits for the answer.
func (s *story) restarts(services ...string) api.Result {
	s.Helper()
	result, err := s.Restart(context.Background(), api.Caller{}, api.Restart{Project: "p", Services: services}, quiet)
	if err != nil {
		s.Fatal(err)
	}
	synctest.Wait()
	return result
}

// after does something in a while.
func (s *story) after(d time.Duration, do func()) {
	go func() {
		time.Sleep(d)
		do()
	}()
}

// second is the main incarnation of a service that does not occupy it, "" for
// none; first is the one that does.
func (s *story) second(service string) string {
	s.Helper()
	first := s.occupant(service).incarnation
	s.helper.mu.Lock()
	defer s.helper.mu.Unlock()
	for incarnation, record := range s.helper.live {
		if record.Launch.Service == service && record.Launch.Role == spec.RoleMain && record.Exited == nil && incarnation != first {
			return incarnation
		}
	}
	return ""
}

// replacing is a story of one service, web, that runs and is asked to change.
func replacing(t *testing.T, change func(*generation.Service), play func(s *story)) {
	t.Helper()
	tell(t, func(s *story) {
		s.helper.rolling = true
		s.store.put(plain("web", change))
		s.begin()
		s.helper.took()
		s.store.put(plain("web", change, as("2")))
		play(s)
	})
}

func TestTheOldOneEndsWhenTheNewOneHasProvedItself(t *testing.T) {
	replacing(t, rolls(10*time.Second), func(s *story) {
		old := s.occupant("web").pid
		answered := s.asks(func() (api.Result, error) {
			return s.Restart(s.life, api.Caller{}, api.Restart{Project: "p"}, quiet)
		})
		s.sleep(10 * time.Second)
		s.want("while it is watched", s.helper.took(), "launch web main")
		if got := s.occupant("web").pid; got != old {
			t.Errorf("process %d has taken over already", got)
		}
		s.sleep(time.Second)
		s.want("after the grace period", s.helper.took(), "signal web 15")
		if got := s.occupant("web").pid; got == old {
			t.Error("the old process is still the one")
		}
		if result, err := answered(); err != nil || !result.OK {
			t.Error(result, err)
		}
		s.want("phases", s.phases(), "web ready")
		if s.second("web") != "" {
			t.Error("two are left")
		}
		// From here on it is a service like another.
		s.helper.crash("web", code3)
		s.sleep(6 * time.Second)
		s.want("after a crash", s.helper.took(), "launch web main")
	})
}

func TestACandidateThatFailsLeavesTheOldOneAlone(t *testing.T) {
	for name, fails := range map[string]struct {
		at  time.Duration
		why string
	}{
		"before it is ready":      {100 * time.Millisecond, "launch"},
		"within the grace period": {2 * time.Second, "grace"},
	} {
		t.Run(name, func(t *testing.T) {
			replacing(t, rolls(10*time.Second), func(s *story) {
				old := s.occupant("web").incarnation
				s.after(fails.at, func() { s.helper.exit(s.second("web"), code3) })
				result := s.restarts()
				if result.OK || len(result.Failed) != 1 || !strings.Contains(result.Failed[0].Notes[0], fails.why) {
					t.Errorf("%+v", result)
				}
				if got := s.occupant("web").incarnation; got != old {
					t.Error("the old one is gone")
				}
				s.want("asked", s.helper.took(), "launch web main")
				s.want("phases", s.phases(), "web ready")
				// It is not tried again by itself, but a restart does.
				s.sleep(time.Hour)
				s.want("later", s.helper.took(), "")
				if result := s.restarts(); !result.OK {
					t.Error(result)
				}
				s.want("a restart tries again", s.helper.took(), "launch web main, signal web 15")
			})
		})
	}
}

func TestOnlyWhatFailedToChangeIsTriedAgain(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.rolling = true
		s.store.put(plain("web", rolls(0)), plain("db"))
		s.begin()
		s.helper.took()
		s.store.put(plain("web", rolls(0), as("2")), plain("db"))
		s.after(100*time.Millisecond, func() { s.helper.exit(s.second("web"), code3) })
		if s.restarts().OK {
			t.Error("it was replaced")
		}
		s.helper.took()
		s.restarts()
		s.want("asked", s.helper.took(), "launch web main, signal web 15")
	})
}

func TestACrashIsNoReplacement(t *testing.T) {
	replacing(t, rolls(time.Second), func(s *story) {
		s.helper.crash("web", code3)
		s.sleep(time.Second)
		s.want("at once", s.helper.took(), "")
		s.sleep(5 * time.Second)
		s.want("after the backoff", s.helper.took(), "launch web main")
	})
}

func TestTheCandidateTakesOverFromOneThatCrashed(t *testing.T) {
	replacing(t, rolls(3*time.Second), func(s *story) {
		s.after(time.Second, func() { s.helper.exit(s.occupant("web").incarnation, code3) })
		if result := s.restarts(); !result.OK {
			t.Error(result)
		}
		s.want("asked", s.helper.took(), "launch web main")
		s.want("phases", s.phases(), "web ready")
		s.sleep(time.Hour)
		s.want("nothing follows", s.helper.took(), "")
	})
}

func TestAfterACrashOfBothThePolicyGoesOn(t *testing.T) {
	replacing(t, rolls(3*time.Second), func(s *story) {
		s.after(time.Second, func() {
			second := s.second("web")
			s.helper.exit(s.occupant("web").incarnation, code3)
			s.helper.exit(second, code3)
		})
		if result := s.restarts(); result.OK {
			t.Error(result)
		}
		s.sleep(10 * time.Second)
		s.want("phases", s.phases(), "web ready")
	})
}

func TestAStopEndsTheCandidateToo(t *testing.T) {
	replacing(t, rolls(time.Minute), func(s *story) {
		answered := s.asks(func() (api.Result, error) {
			return s.Restart(s.life, api.Caller{}, api.Restart{Project: "p"}, quiet)
		})
		s.sleep(time.Second)
		if result, err := s.stops()(); err != nil || !result.OK {
			t.Error(result, err)
		}
		if s.helper.living() != "" {
			t.Errorf("left: %s", s.helper.living())
		}
		if result, _ := answered(); result.OK {
			t.Error("the restart says that all is well")
		}
		s.want("phases", s.phases(), "web down")
	})
}

func TestASecondRestartBeginsAnew(t *testing.T) {
	replacing(t, rolls(10*time.Second), func(s *story) {
		first := s.asks(func() (api.Result, error) {
			return s.Restart(s.life, api.Caller{}, api.Restart{Project: "p"}, quiet)
		})
		s.sleep(time.Second)
		if result := s.restarts("web"); !result.OK {
			t.Error(result)
		}
		if result, err := first(); err != nil || !result.OK {
			t.Error(result, err)
		}
		s.want("asked", s.helper.took(), "launch web main, signal web 15, launch web main, signal web 15")
	})
}

func TestDependantsOfWhatIsReplacedGoOn(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.rolling = true
		s.store.put(plain("api", rolls(0)), plain("web", on("api", generation.Started)), plain("db"))
		s.begin()
		s.helper.took()
		s.store.put(plain("api", rolls(0), as("2")), plain("web", on("api", generation.Started)), plain("db"))
		s.restarts()
		s.want("asked", s.helper.took(), "launch api main, signal api 15")
		s.want("phases", s.phases(), "api ready, db ready, web ready")
	})
}

func TestWhatDependsOnWhatIsRestartedIsReplacedAfterIt(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.rolling = true
		services := func(hash string) []generation.Service {
			return []generation.Service{plain("db", as(hash)), plain("web", rolls(0), on("db", generation.Started))}
		}
		s.store.put(services("1")...)
		s.begin()
		s.helper.took()
		s.store.put(services("2")...)
		s.restarts()
		s.want("asked", s.helper.took(), "signal db 15, launch db main, launch web main, signal web 15")
	})
}

func TestAFailureOfADependencyIsNoReplacement(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.rolling = true
		s.store.put(plain("db"), plain("web", rolls(0), on("db", generation.Started)))
		s.begin()
		s.restarts("web")
		s.helper.took()
		s.helper.crash("db", code3)
		s.sleep(10 * time.Second)
		s.want("asked", s.helper.took(), "signal web 15, launch db main, launch web main")
	})
}

// TestAStopCommandIsNotForWhatIsReplaced: it could not tell the two apart.
func TestAStopCommandIsNotForWhatIsReplaced(t *testing.T) {
	stops := func(s *generation.Service) {
		rolls(time.Second)(s)
		s.Stop.Command = true
	}
	replacing(t, stops, func(s *story) {
		s.restarts()
		s.want("replaced", s.helper.took(), "launch web main, signal web 15")
		s.store.put(plain("web", stops, as("3")))
		s.begins()
		s.sleep(time.Second)
		s.begins()
		s.sleep(time.Minute)
		s.want("withdrawn", s.helper.took(), "launch web main, signal web 15, launch web main, signal web 15")
		s.stops()()
		s.want("stopped", s.helper.took(), "launch web stop, signal web 15")
	})
}

func TestThereAreNeverThree(t *testing.T) {
	replacing(t, rolls(0), func(s *story) {
		s.helper.deaf["web"] = true
		s.begins()
		s.sleep(time.Second)
		s.want("the old one does not end", s.helper.took(), "launch web main, signal web 15")
		s.begins()
		s.sleep(time.Second)
		s.want("so the next one waits", s.helper.took(), "")
		s.sleep(time.Minute)
		s.want("until it is gone", s.helper.took(), "kill web, launch web main, signal web 15, kill web")
		s.want("phases", s.phases(), "web ready")
	})
}

func TestAStartLeavesAReplacementAlone(t *testing.T) {
	replacing(t, rolls(10*time.Second), func(s *story) {
		s.begins()
		s.sleep(time.Second)
		if result := s.begin(); !result.OK {
			t.Error(result)
		}
		s.want("asked", s.helper.took(), "launch web main, signal web 15")
	})
}
