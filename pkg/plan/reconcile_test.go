package plan

import (
	"fmt"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
)

// services reads "name[*][=hash] < dep …" a line; * stands for rolling.
func services(text string) []generation.Service {
	var all []generation.Service
	for line := range strings.Lines(strings.TrimSpace(text)) {
		left, right, _ := strings.Cut(line, "<")
		name, hash, _ := strings.Cut(strings.TrimSpace(left), "=")
		service := generation.Service{Hash: hash}
		if rolling, yes := strings.CutSuffix(name, "*"); yes {
			name, service.Rolling = rolling, &generation.Rolling{}
		}
		service.Name = name
		for _, dependency := range strings.Fields(right) {
			service.DependsOn = append(service.DependsOn, generation.Dependency{Service: dependency, Condition: generation.Started})
		}
		all = append(all, service)
	}
	return all
}

func TestReconcile(t *testing.T) {
	const stack = "db=1\napi=1 < db\nweb=1 < api\nseed=1\nother=1"
	const all = "db ready\napi ready < db\nweb ready < api\nseed done\nother ready"
	for name, test := range map[string]struct {
		graph, old, next string
		scope            Scope
		want             string
	}{
		"nothing has changed": {all, stack, stack, Scope{}, ""},
		"nothing has changed, and all is wanted": {
			all, stack, stack, Scope{All: true}, "api restart, db restart, other restart, web restart",
		},
		"what changed takes its dependants along": {
			all, stack, strings.Replace(stack, "api=1", "api=2", 1), Scope{All: true}, "api restart, web restart",
		},
		"what is new and what is gone": {
			all, stack, "db=1\napi=1 < db\nweb=1 < api\nnew=1 < db\nother=1", Scope{All: true}, "new start, seed stop",
		},
		"what is stopped stays so":           {"db ready\napi down down! < db", "db=1\napi=1 < db", "db=1\napi=2 < db", Scope{}, "api redefine"},
		"a one-shot that changed runs again": {all, stack, strings.Replace(stack, "seed=1", "seed=2", 1), Scope{}, "seed restart"},
		"a one-shot that is named runs again": {
			all, stack, stack, Scope{Named: []string{"seed"}, All: true}, "seed restart",
		},
		"what is named is restarted with its dependants": {
			all, stack, stack, Scope{Named: []string{"api"}, All: true}, "api restart, web restart",
		},
		"what is named and stopped is started": {
			"db ready\napi down down! < db\nweb ready < api\nseed done\nother ready", stack, stack, Scope{Named: []string{"api"}}, "api start",
		},
		"a new one brings up what it needs": {
			"db down down!", "db=1", "db=1\nnew=1 < db", Scope{}, "db start, new start",
		},
		"what is replaced keeps its dependants": {
			"api ready\nweb ready < api", "api*=1\nweb=1 < api", "api*=2\nweb=1 < api", Scope{}, "api replace",
		},
		"what depends on what is restarted is replaced after it": {
			"db ready\napi ready < db\nweb ready < api", "db=1\napi*=1 < db\nweb=1 < api", "db=2\napi*=1 < db\nweb=1 < api", Scope{}, "api replace, db restart",
		},
		"what is not ready is restarted, not replaced": {
			"api backing_off", "api*=1", "api*=2", Scope{}, "api restart",
		},
		"what is stopped is not restarted with the rest": {"db ready\napi down down!", "db=1\napi=1", "db=1\napi=1", Scope{All: true}, "db restart"},
		"a restart of what is stopped as a whole starts it": {
			"db done down!\napi stopping down!", "db=1\napi=1", "db=1\napi=2", Scope{All: true}, "api start, db start",
		},
		"a restart tries again what is not up": {
			"db given_up\napi ready", "db=1\napi=1", "db=1\napi=2", Scope{All: true}, "api restart, db start",
		},
		"a reload does not": {"db given_up\napi ready", "db=1\napi=1", "db=1\napi=2", Scope{}, "api restart"},
		"an unknown name is nobody's": {
			"api ready", "api=1", "api=1", Scope{}, "",
		},
	} {
		graph, _ := parse(t, test.graph)
		var words []string
		for _, change := range Reconcile(graph, services(test.old), services(test.next), test.scope) {
			if change.Because == "" {
				t.Errorf("%s: no reason for %v", name, change)
			}
			if change.Fate != Keep {
				words = append(words, fmt.Sprintf("%s %s", change.Service, change.Fate))
			}
		}
		if got := strings.Join(words, ", "); got != test.want {
			t.Errorf("%s: %s\n want %s", name, got, test.want)
		}
	}
}

func TestWhatRunsFromAnEarlierDefinitionHasChanged(t *testing.T) {
	graph, _ := parse(t, "api ready\nother ready")
	graph["api"].Outdated = true
	changes := Reconcile(graph, services("api*=2\nother=1"), services("api*=2\nother=1"), Scope{All: true})
	if got := fmt.Sprint(changes); got != "[{api replace it still runs as it was defined before} {other keep it has not changed}]" {
		t.Error(got)
	}
}

func TestAReplacementWaitsForWhatItDependsOn(t *testing.T) {
	rolling := func(graph Graph, names ...string) {
		for _, name := range names {
			graph[name].Rolling = graph[name].State == machine.Ready
		}
	}
	for name, test := range map[string]struct{ graph, rolling, want string }{
		"what is replaced does not hold up what it depends on": {"db ready again\napi ready again < db", "api", "[restart db]"},
		"it follows when that is back":                         {"db ready\napi ready again < db", "api", "[restart api]"},
		"it waits while that is away":                          {"db restarting\napi ready again < db", "api", "[]"},
		"one after the other":                                  {"api ready again\nweb ready again < api", "api web", "[restart api]"},
		"what is ended waits until the other is replaced":      {"api ready again\nweb ready again < api", "api", "[restart api]"},
		"what crashed comes back to what is being replaced":    {"api ready again\nweb waiting < api", "api", "[restart api release web]"},
		"a stop goes first":                                    {"api ready down! again", "api", "[stop api]"},
	} {
		graph, names := parse(t, test.graph)
		rolling(graph, strings.Fields(test.rolling)...)
		if got := fmt.Sprint(Next(graph, names)); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestTheGateLetsInAsManyAsThereIsRoomFor(t *testing.T) {
	graph, names := parse(t, "a starting\nb waiting\nc waiting\nd down\ne waiting\nf ready\ng preparing")
	actions := Next(graph, names)
	for room, want := range map[int]string{
		-1: "[release b release c start d release e] 0",
		0:  "[start d] 3",
		2:  "[release b release c start d] 1",
		9:  "[release b release c start d release e] 0",
	} {
		allowed, held := Gate(actions, room)
		if got := fmt.Sprint(allowed, held); got != want {
			t.Errorf("room %d: %s, want %s", room, got, want)
		}
	}
	if got := Busy(graph); got != 2 {
		t.Errorf("%d are on their way", got)
	}
}
