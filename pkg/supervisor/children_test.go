package supervisor

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// spawns has the newest process of a service (or, with a slash, a child of it)
// ask for a child, and sysg-exec grant it.
func (h *helper) spawns(parent, name string, ttl time.Duration) {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	service, below, _ := strings.Cut(parent, "/")
	var asking *spec.Record
	for _, record := range h.live {
		switch {
		case record.Launch.Service != service || record.Exited != nil:
		case below == "" && record.Launch.Role == spec.RoleMain, record.Child != nil && record.Child.Name == below:
			asking = record
		}
	}
	if asking == nil {
		h.t.Fatalf("%s does not run", parent)
	}
	depth := 1
	if asking.Child != nil {
		depth = asking.Child.Depth + 1
	}
	h.pid++
	launch := asking.Launch
	launch.Role, launch.Incarnation = spec.RoleChild, fmt.Sprintf("%032x", h.pid)
	record := &spec.Record{
		Launch: launch, PID: h.pid, Started: time.Now(),
		Child: &spec.Child{Parent: asking.Launch.Incarnation, Name: name, Argv: []string{name, "x"}, Depth: depth, TTL: ttl},
	}
	h.live[launch.Incarnation] = record
	told := *record
	h.events <- execclient.Event{Reply: spec.Reply{Spawned: &spec.Spawned{Record: told}}}
}

// deafens has services ignore the stop signal from now on.
func (h *helper) deafens(services ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, service := range services {
		h.deaf[service] = true
	}
}

// left are the roles of what lives of a service.
func (h *helper) left(service string) (roles []spec.Role) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, record := range h.live {
		if record.Exited == nil && record.Launch.Service == service {
			roles = append(roles, record.Launch.Role)
		}
	}
	return roles
}

// remembers is how many incarnations are not acknowledged.
func (h *helper) remembers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.live)
}

// dynamic lets a service have children.
func dynamic(policy generation.Termination) func(*generation.Service) {
	return func(s *generation.Service) {
		s.Spawn = &generation.Spawn{Children: 100, Depth: 3, Descendants: 500, Termination: policy}
	}
}

// family is the children of a service, each with those below it.
func (s *story) family(service string) string {
	s.Helper()
	synctest.Wait()
	return branches(s.unit(service).Children)
}

func branches(children []api.Child) string {
	var words []string
	for _, c := range children {
		word := c.Child.Name
		switch last := c.Child.LastExit; {
		case last == nil:
		case last.Signal != nil:
			word += fmt.Sprintf("!%d", *last.Signal)
		default:
			word += fmt.Sprintf("=%d", *last.Code)
		}
		if below := branches(c.Children); below != "" {
			word += "(" + below + ")"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func TestChildrenAreShownBelowTheirParents(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", dynamic(generation.TerminateCascade)))
		s.begin()
		s.helper.spawns("api", "a", time.Minute)
		synctest.Wait()
		s.helper.spawns("api/a", "b", 0)
		s.helper.spawns("api", "c", 0)
		s.want("family", s.family("api"), "a(b) c")
		child := s.unit("api").Children[0].Child
		if child.PID == 0 || child.ParentPID != s.unit("api").Process.PID || *child.TTL != 60 || child.Depth != 1 ||
			child.Command != "a x" || child.Kind != "spawned" || child.StartedAt == "" {
			t.Errorf("%+v", child)
		}
		s.want("phase", s.phases(), "api ready")
	})
}

func TestAChildEndsWhenItsTimeIsOver(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", dynamic(generation.TerminateCascade)))
		s.begin()
		s.helper.spawns("api", "a", 30*time.Second)
		s.sleep(29 * time.Second)
		s.want("before", s.family("api"), "a")
		s.sleep(time.Second)
		s.want("after", s.family("api"), "a!15")
		if notes := strings.Join(s.unit("api").Notes, "; "); !strings.Contains(notes, "its ttl of 30s was over") {
			t.Error(notes)
		}
		s.want("the service goes on", s.phases(), "api ready")
	})
}

func TestAChildThatIgnoresTheSignalIsKilled(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", dynamic(generation.TerminateCascade)))
		s.begin()
		s.helper.spawns("api", "a", 30*time.Second)
		s.helper.deafens("api")
		s.sleep(30 * time.Second)
		s.want("asked to end", s.family("api"), "a")
		s.sleep(10 * time.Second) // stop.timeout
		s.want("killed", s.family("api"), "a!9")
	})
}

func TestWhatBecomesOfChildrenWhenTheirServiceCrashes(t *testing.T) {
	for policy, want := range map[generation.Termination]string{
		generation.TerminateCascade:  "a!15(b!15)",
		generation.TerminateOrphan:   "a(b)",
		generation.TerminateReparent: "a(b)",
	} {
		t.Run(string(policy), func(t *testing.T) {
			tell(t, func(s *story) {
				s.store.put(plain("api", dynamic(policy)))
				s.begin()
				s.helper.spawns("api", "a", 0)
				synctest.Wait()
				s.helper.spawns("api/a", "b", 0)
				synctest.Wait()
				before := s.unit("api").Process.PID
				s.helper.crash("api", 9)
				s.sleep(7 * time.Second)
				s.want("family", s.family("api"), want)
				s.want("the service is back", s.phases(), "api ready")
				unit := s.unit("api")
				parent, reparented := unit.Children[0].Child.ParentPID, policy == generation.TerminateReparent
				if (parent == before) == reparented || (parent == unit.Process.PID) != reparented {
					t.Errorf("parent %d, before %d, now %d", parent, before, unit.Process.PID)
				}
			})
		})
	}
}

func TestTheNextIncarnationWaitsForTheCascade(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", dynamic(generation.TerminateCascade), func(v *generation.Service) { v.Restart.Backoff = 0 }))
		s.begin()
		s.helper.spawns("api", "a", 0)
		synctest.Wait()
		s.helper.took()
		s.helper.deafens("api")
		s.helper.crash("api", 9)
		s.sleep(time.Second)
		s.want("while the child ends", s.helper.took(), "signal api 15")
		s.sleep(10 * time.Second)
		s.want("then", s.helper.took(), "kill api, launch api main")
	})
}

func TestAStopLeavesNoChildBehind(t *testing.T) {
	for _, policy := range []generation.Termination{generation.TerminateCascade, generation.TerminateOrphan, generation.TerminateReparent} {
		t.Run(string(policy), func(t *testing.T) {
			tell(t, func(s *story) {
				s.store.put(plain("api", dynamic(policy)), plain("once", dynamic(policy), func(v *generation.Service) { v.Restart.Policy = generation.Never }))
				s.begin()
				for _, service := range []string{"api", "once"} {
					s.helper.spawns(service, "a", 0)
				}
				synctest.Wait()
				s.helper.deafens("api", "once")
				s.helper.crash("once", 0) // its child may outlive it, but not the stop
				synctest.Wait()
				for _, service := range []string{"once", "api"} {
					params := api.Stop{Project: "p", Services: []string{service}}
					if result, err := s.Stop(context.Background(), api.Caller{}, params, quiet); err != nil || !result.OK {
						t.Fatal(result, err)
					}
					if left := s.helper.left(service); len(left) > 0 {
						t.Errorf("%v of %s lives after the answer", left, service)
					}
				}
			})
		})
	}
}

func TestAStopTellsOfAChildThatCannotBeKilled(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", dynamic(generation.TerminateOrphan), func(v *generation.Service) { v.Restart.Policy = generation.Never }))
		s.begin()
		s.helper.spawns("api", "a", 0)
		synctest.Wait()
		s.helper.crash("api", 0)
		synctest.Wait()
		s.helper.leaves("api")
		result, err := s.Stop(context.Background(), api.Caller{}, api.Stop{Project: "p"}, quiet)
		if err != nil || result.OK || result.Failed[0].Code != api.CodeStopIncomplete {
			t.Error(result, err)
		}
	})
}

func TestChildrenThatUseTooMuchMemoryLoseTheNewest(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", dynamic(generation.TerminateCascade), func(v *generation.Service) {
			v.Spawn.TotalMemory = 2<<20 + 1 // a process has 1 MiB here
		}))
		s.begin()
		for _, name := range []string{"a", "b"} {
			s.helper.spawns("api", name, 0)
			s.sleep(2 * time.Second)
		}
		s.want("two", s.family("api"), "a b")
		s.helper.spawns("api", "c", 0)
		s.sleep(2 * time.Second)
		s.want("the third one", s.family("api"), "a b c!15")
		if notes := strings.Join(s.unit("api").Notes, "; "); !strings.Contains(notes, "spawn.limits.total_memory") {
			t.Error(notes)
		}
	})
}

func TestChildrenAreAdopted(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", dynamic(generation.TerminateOrphan)), plain("db", dynamic(generation.TerminateCascade)))
		s.begin()
		s.helper.spawns("api", "a", time.Minute)
		s.helper.spawns("api", "b", 0)
		s.helper.spawns("db", "c", 0)
		s.sleep(time.Second)
		s.dies()
		s.helper.crash("api", 9)
		s.helper.crash("db", 9)
		s.supervise()
		s.want("family of api", s.family("api"), "a b")
		s.want("family of db", s.family("db"), "c!15")
		s.sleep(time.Minute)
		s.want("the ttl holds", s.family("api"), "b a!15")
		// And over a death of sysg-exec.
		close(s.helper.events)
		s.sleep(time.Second)
		s.want("family of api", s.family("api"), "b a!15")
	})
}

func TestAChildThatFailsIsNoted(t *testing.T) {
	tell(t, func(s *story) {
		s.store.put(plain("api", dynamic(generation.TerminateCascade)))
		s.begin()
		s.helper.spawns("api", "a", 0)
		synctest.Wait()
		s.helper.exit(fmt.Sprintf("%032x", s.unit("api").Children[0].Child.PID), code3)
		s.want("family", s.family("api"), "a=3")
		if notes := strings.Join(s.unit("api").Notes, "; "); !strings.Contains(notes, "its child a exited with code 3") {
			t.Error(notes)
		}
		s.sleep(time.Second)
		s.want("acknowledged", fmt.Sprint(s.helper.remembers()), "1")
	})
}
