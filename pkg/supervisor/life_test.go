package supervisor

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// inWords is what a hook is told.
func inWords(l spec.Launch) string {
	e := l.Event
	words := fmt.Sprintf("%s %s pid %d", l.Role, e.Name, e.PID)
	if e.ExitCode != nil {
		words += fmt.Sprintf(" code %d", *e.ExitCode)
	}
	if e.Signal != 0 {
		words += fmt.Sprintf(" signal %d", e.Signal)
	}
	return words + fmt.Sprintf(" attempt %d", e.Attempt)
}

// ends ends what lives in a role.
func (h *helper) ends(role spec.Role, code uint32) {
	h.mu.Lock()
	var incarnations []string
	for incarnation, record := range h.live {
		if record.Launch.Role == role {
			incarnations = append(incarnations, incarnation)
		}
	}
	h.mu.Unlock()
	for _, incarnation := range incarnations {
		h.exit(incarnation, code<<8)
	}
}

// heard is what hooks were told since the last call.
func (h *helper) heard() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	told := strings.Join(h.told, ", ")
	h.told = nil
	return told
}

func hooked(s *generation.Service) {
	for role := range hookNames {
		s.Hooks = append(s.Hooks, generation.Hook{Role: role, Timeout: 30 * time.Second})
	}
}

func skips(skip generation.Skip) func(*generation.Service) {
	return func(s *generation.Service) { s.Skip = skip }
}

// halt stops services and waits for the answer.
func (s *story) halt(services ...string) api.Result {
	s.Helper()
	result, err := s.Stop(context.Background(), api.Caller{}, api.Stop{Project: "p", Services: services}, quiet)
	if err != nil {
		s.Fatal(err)
	}
	return result
}

// unitOf is the status of one service.
func (s *story) unitOf(name string) api.Unit {
	s.Helper()
	synctest.Wait()
	snapshot, err := s.Status(context.Background(), api.Caller{}, api.Status{Project: "p", Services: []string{name}})
	if err != nil || len(snapshot.Units) != 1 {
		s.Fatalf("%v %+v", err, snapshot)
	}
	return snapshot.Units[0]
}

func TestASkippedServiceIsLeftOutAndSoIsWhatDependsOnIt(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("seed", skips(generation.SkipAlways)), plain("api", on("seed", generation.Started)),
			plain("web", on("api", generation.Healthy)), plain("other"))
		if result := s.begin(); !result.OK {
			t.Error(result)
		}
		s.want("asked", s.helper.took(), "launch other main")
		s.want("phases", s.phases(), "api skipped, other ready, seed skipped, web skipped")
		unit := s.unitOf("seed")
		s.want("words", strings.Join([]string{unit.State, unit.Lifecycle, unit.Health, unit.Intent, unit.Cause}, ", "),
			"skipped, skipped, idle, skip, its manifest says to skip it")
		s.want("why", s.unitOf("web").Cause, "dependency api is skipped")

		s.begin("seed")
		s.sleep(time.Second)
		s.want("started by name, and what was excused comes back", s.phases(), "api ready, other ready, seed ready, web ready")
		s.helper.crash("seed", code3)
		s.sleep(10 * time.Second)
		s.want("a restart of its own is not skipped", s.phases(), "api ready, other ready, seed ready, web ready")
		s.halt()
		s.begin()
		s.want("after a stop its rule holds again", s.phases(), "api skipped, other ready, seed skipped, web skipped")
	})
}

func TestASkipCommandDecidesAtEachStart(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.acts = map[spec.Role]int{spec.RoleSkip: 0, spec.RolePreStart: 0}
		s.store.put(plain("api", skips(generation.SkipByCommand), func(v *generation.Service) {
			v.PreStart = &generation.PreStart{Timeout: time.Minute}
		}), plain("web", on("api", generation.Started)))
		s.begin()
		s.want("asked", s.helper.took(), "launch api skip, kill api")
		s.want("phases", s.phases(), "api skipped, web skipped")
		s.helper.acts[spec.RoleSkip] = 7
		s.begin()
		s.want("in this order", s.helper.took(), "launch api skip, kill api, launch api pre_start, kill api, launch api main, launch web main")
		s.want("phases", s.phases(), "api ready, web ready")
		s.helper.acts[spec.RoleSkip] = 0
		s.helper.crash("api", 9)
		s.sleep(10 * time.Second)
		s.want("it may change its mind", s.phases(), "api skipped, web skipped")
	})
}

func TestASkipCommandThatGivesNoAnswerIsAFailure(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.acts = map[spec.Role]int{spec.RoleSkip: -1}
		s.store.put(plain("api", skips(generation.SkipByCommand), policy(generation.Never)))
		begun := time.Now()
		result := s.begin()
		if result.OK || result.Failed[0].Code != api.CodeSkipTimeout || time.Since(begun) != 5*time.Minute {
			t.Errorf("%+v after %s", result, time.Since(begun))
		}
		s.want("phases", s.phases(), "api failed")
		s.begin("api")
		s.want("by name it is not asked", s.phases(), "api ready")
	})
}

func TestASkipCommandInProgressIsAdopted(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.acts = map[spec.Role]int{spec.RoleSkip: -1}
		s.store.put(plain("api", skips(generation.SkipByCommand)))
		go s.Start(s.life, api.Caller{}, api.Start{Project: "p"}, quiet)
		s.sleep(time.Second)
		s.want("phases", s.phases(), "api preparing")
		s.dies()
		s.supervise()
		s.want("phases", s.phases(), "api preparing")
		s.helper.ends(spec.RoleSkip, 3)
		s.sleep(time.Second)
		s.want("phases", s.phases(), "api ready")
	})
}

func TestHooksAreToldOfEveryEvent(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", hooked))
		s.begin()
		s.want("when it is ready", s.helper.heard(), "onstart start pid 101 attempt 1")
		s.helper.crash("api", code3)
		synctest.Wait()
		s.want("when it crashes", s.helper.heard(), "onexit exit pid 101 code 3 attempt 1, onerr error pid 101 code 3 attempt 1")
		s.sleep(10 * time.Second)
		pid := s.unitOf("api").Process.PID
		s.want("when it is back", s.helper.heard(), fmt.Sprintf("onstart start pid %d attempt 2", pid))
		s.halt()
		s.want("when it is stopped", s.helper.heard(), fmt.Sprintf("onexit exit pid %d signal 15 attempt 2, onstop stop pid %d signal 15 attempt 2", pid, pid))
		s.sleep(time.Minute)
		s.want("notes", strings.Join(s.unitOf("api").Notes, ", "), "")
	})
}

func TestAOneShotThatCompletesTellsOnstartOnce(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("slow", hooked, policy(generation.Never)), plain("quick", hooked, policy(generation.Never)))
		go s.Start(s.life, api.Caller{}, api.Start{Project: "p"}, quiet)
		synctest.Wait()
		s.helper.crash("quick", 0)
		synctest.Wait()
		if told := s.helper.heard(); told != "onexit exit pid 101 code 0 attempt 1, onstart start pid 101 code 0 attempt 1" {
			t.Error(told)
		}
		s.sleep(time.Second)
		s.want("ready", s.helper.heard(), "onstart start pid 102 attempt 1")
		s.helper.crash("slow", 0)
		s.sleep(time.Second)
		s.want("done", s.helper.heard(), "onexit exit pid 102 code 0 attempt 1")
	})
}

func TestAStartThatFailsTellsOnerr(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.acts = map[spec.Role]int{spec.RolePreStart: 1}
		s.store.put(plain("api", hooked, policy(generation.Never), func(v *generation.Service) {
			v.PreStart = &generation.PreStart{Timeout: time.Minute}
		}))
		s.begin()
		s.want("told", s.helper.heard(), "onerr error pid 101 code 1 attempt 1")
	})
}

func TestAHookHasItsTimeAndHoldsUpNothing(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.acts = map[spec.Role]int{spec.RoleOnErr: -1, spec.RoleOnStart: 4}
		s.store.put(plain("api", hooked, func(v *generation.Service) { v.Restart.Backoff = 0 }))
		s.begin()
		s.helper.took()
		s.helper.crash("api", 9)
		s.sleep(time.Second)
		s.want("phases", s.phases(), "api ready")
		s.want("asked", s.helper.took(), "launch api onexit, launch api onerr, launch api main, launch api onstart")
		s.sleep(30 * time.Second)
		s.want("after its time", s.helper.took(), "kill api")
		s.want("notes", strings.Join(s.unitOf("api").Notes, "; "),
			"its onstart hook exited with code 4; its onstart hook exited with code 4; its onerr hook did not end within 30s")
		links, err := s.Why(context.Background(), api.Caller{}, api.Why{Project: "p", Service: "api"})
		if err != nil || !strings.Contains(strings.Join(links[0].Evidence, "\n"), "note: its onerr hook did not end within 30s") {
			t.Errorf("%v %+v", err, links)
		}
		s.want("phases", s.phases(), "api ready")
	})
}

func TestAStopEndsTheHooksOfBeforeAndAnswersBeforeOnstopEnds(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.acts = map[spec.Role]int{spec.RoleOnStart: -1, spec.RoleOnStop: -1, spec.RoleOnExit: -1}
		s.store.put(plain("api", hooked))
		s.begin()
		s.helper.took()
		begun := time.Now()
		s.halt()
		if took := time.Since(begun); took != 0 {
			t.Errorf("the stop took %s", took)
		}
		s.want("asked", s.helper.took(), "signal api 15, launch api onexit, kill api, launch api onstop")
		s.sleep(time.Second)
		if live := s.helper.living(); live != "onstop onexit" {
			t.Errorf("these live: %s", live)
		}
		done := make(chan api.Result)
		go func() {
			result, _ := s.Shutdown(context.Background(), api.Caller{}, quiet)
			done <- result
		}()
		s.sleep(20 * time.Second)
		select {
		case <-done:
			t.Error("the shutdown did not wait for the hooks")
		default:
		}
		s.sleep(10 * time.Second)
		if result := <-done; !result.OK {
			t.Error(result)
		}
	})
}

// living are the roles that live, sorted.
func (h *helper) living() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var roles []string
	for _, role := range spec.Roles {
		for _, record := range h.live {
			if record.Launch.Role == role && record.Exited == nil {
				roles = append(roles, string(role))
			}
		}
	}
	return strings.Join(roles, " ")
}

func TestAHookOutlivesTheSupervisorWithinItsTime(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.acts = map[spec.Role]int{spec.RoleOnStart: -1}
		s.store.put(plain("api", hooked))
		s.begin()
		s.sleep(10 * time.Second)
		s.dies()
		s.sleep(5 * time.Second)
		s.supervise()
		s.sleep(10 * time.Second)
		s.want("alive", s.helper.living(), "main onstart")
		s.sleep(10 * time.Second)
		s.want("alive", s.helper.living(), "main")
		s.want("notes", strings.Join(s.unitOf("api").Notes, "; "), "its onstart hook did not end within 30s")
	})
}

// TestAStartIsToldOnce: changes are gathered before they are saved, so that a
// supervisor may die with a hook launched and the start it tells of unsaved.
func TestAStartIsToldOnce(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", hooked))
		s.asks(func() (api.Result, error) { return s.begin(), nil })
		for !strings.Contains(s.helper.everAsked(), "onstart") {
			time.Sleep(time.Millisecond)
		}
		s.dies()
		s.supervise()
		s.sleep(10 * time.Second)
		s.want("asked", s.helper.took(), "launch api main, launch api onstart")
	})
}

func TestAHookOfATimeWithoutSysgExecIsMadeUpFor(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", hooked))
		go s.Start(s.life, api.Caller{}, api.Start{Project: "p"}, quiet)
		synctest.Wait()
		s.unreachable.Store(true)
		s.helper.events <- brokenOff()
		s.sleep(time.Second)
		s.want("told", s.helper.heard(), "")
		s.unreachable.Store(false)
		s.inbox.post(s.reconnect)
		s.sleep(time.Second)
		s.want("told", s.helper.heard(), "onstart start pid 101 attempt 1")
	})
}

// brokenOff is the end of the connection to sysg-exec.
func brokenOff() execclient.Event { return execclient.Event{Err: io.EOF} }

func TestAStartThatWentOnUnrecordedIsTakenUp(t *testing.T) {
	tell(t, func(s *story) {
		s.helper.acts = map[spec.Role]int{spec.RolePreStart: -1}
		s.store.put(plain("api", func(v *generation.Service) { v.PreStart = &generation.PreStart{Timeout: time.Minute} }))
		s.going()
		s.disk.mu.Lock()
		s.disk.off = true
		s.disk.mu.Unlock()
		s.helper.ends(spec.RolePreStart, 0)
		s.sleep(time.Second)
		s.want("unrecorded", s.phases(), "api ready")
		s.dies()
		s.helper.took()
		s.supervise()
		s.sleep(time.Second)
		s.want("asked", s.helper.took(), "")
		s.want("phases", s.phases(), "api ready")
		s.want("alive", s.helper.living(), "main")
	})
}
