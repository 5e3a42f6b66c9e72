package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
)

// parse reads a graph of lines "name state [up|down] [again] < dep[:condition][!keep] …".
func parse(t *testing.T, text string) (Graph, []string) {
	t.Helper()
	graph := Graph{}
	for line := range strings.Lines(strings.TrimSpace(text)) {
		left, right, _ := strings.Cut(line, "<")
		words := strings.Fields(left)
		node := &Node{Name: words[0], State: machine.State(words[1]), Wanted: !slices.Contains(words, "down!"), Again: slices.Contains(words, "again")}
		if !slices.Contains(machine.States[:], node.State) {
			t.Fatalf("no state %q", node.State)
		}
		for _, word := range strings.Fields(right) {
			word, keep := strings.CutSuffix(word, "!keep")
			name, condition, _ := strings.Cut(word, ":")
			if condition == "" {
				condition = "started"
			}
			node.DependsOn = append(node.DependsOn, generation.Dependency{Service: name, Condition: generation.Condition(condition), Keep: keep})
		}
		graph[node.Name] = node
	}
	var names []string
	for name := range graph {
		names = append(names, name)
	}
	slices.Sort(names)
	return graph, names
}

func TestNext(t *testing.T) {
	tests := []struct{ name, graph, want string }{
		{"what is wanted and down is started", "a down", "[start a]"},
		{"what depends on nothing is released at once, in parallel", "a waiting\nb waiting", "[release a release b]"},
		{"a dependant waits for readiness", "db starting\napi waiting < db", "[]"},
		{"a dependant goes when its dependency is ready", "db ready\napi waiting < db", "[release api]"},
		{"a one-shot that is done satisfies started", "seed done\napi waiting < seed", "[release api]"},
		{"completed is not satisfied by ready", "seed ready\napi waiting < seed:completed", "[]"},
		{"completed is satisfied by done", "seed done\napi waiting < seed:completed", "[release api]"},
		{"healthy is not satisfied by done", "db done\napi waiting < db:healthy", "[]"},
		{"a dependency about to be restarted does not satisfy", "db ready again\napi waiting < db", "[restart db]"},
		{"a dependency that nobody wants up does not satisfy", "db ready down!\napi waiting < db", "[stop db]"},
		{"stopping goes in reverse order", "db ready down!\napi ready down! < db", "[stop api]"},
		{"and on when the dependant is gone", "db ready down!\napi down down! < db", "[stop db]"},
		{"a dependant that crashed just now is not gone", "db ready down!\napi ending down! < db", "[stop api]"},
		{"independent services stop in parallel", "a ready down!\nb ready down!", "[stop a stop b]"},
		{"a stop does not wait for dependants that stay", "db ready down!\napi ready < db", "[stop db]"},
		{"a restart goes in reverse order too", "db ready again\napi ready again < db", "[restart api]"},
		{"and waits until the dependant has ended", "db ready again\napi restarting < db", "[]"},
		{"a restart of what is down is a start", "a down again", "[restart a]"},
		{"what waits or rests is stopped at once", "a backing_off down!\nb given_up down!\nc waiting down!", "[stop a stop b stop c]"},
		{"done stays done", "a done down!", "[]"},
		{"nothing to do", "db ready\napi ready < db", "[]"},
	}
	for _, test := range tests {
		graph, names := parse(t, test.graph)
		if got := fmt.Sprint(Next(graph, names)); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestCasualtiesAreThoseWhoRunOnIt(t *testing.T) {
	graph, _ := parse(t, `
		db ending
		api ready < db
		web ready < api
		cache ready
		report ready < db!keep
		seed done < db
		late waiting < db`)
	if got := fmt.Sprint(Casualties(graph, "db")); got != "[api web]" {
		t.Error(got)
	}
}

func TestRequirementsGoAllTheWayDown(t *testing.T) {
	graph, _ := parse(t, "db down\nseed down < db\napi down < seed db\nweb down < api\nother down")
	if got := fmt.Sprint(Requirements(graph, []string{"api"})); got != "[api db seed]" {
		t.Error(got)
	}
}

func TestDiff(t *testing.T) {
	old := []generation.Service{{Name: "a", Hash: "1"}, {Name: "b", Hash: "1"}, {Name: "c", Hash: "1"}}
	next := []generation.Service{{Name: "b", Hash: "2"}, {Name: "c", Hash: "1"}, {Name: "d", Hash: "1"}}
	if got := fmt.Sprint(Diff(old, next)); got != "{[d] [b] [a] [c]}" {
		t.Error(got)
	}
	if !Diff(old, old).Empty() || Diff(old, next).Empty() {
		t.Error("Empty is wrong")
	}
}

// TestEverythingWantedComesUpAndGoesDown plays a service world in which every
// step succeeds, and checks the order on the way.
func TestEverythingWantedComesUpAndGoesDown(t *testing.T) {
	graph, names := parse(t, "db down\nseed down < db\napi down < seed:completed db\nweb down < api\nother down")
	up := play(t, graph, names)
	if strings.Join(up, " ") != "db other seed api web" {
		t.Errorf("came up as %v", up)
	}
	for _, node := range graph {
		node.Wanted = false
	}
	down := play(t, graph, names)
	if strings.Join(down, " ") != "other web api db" {
		t.Errorf("went down as %v", down)
	}
}

func play(t *testing.T, graph Graph, names []string) (order []string) {
	t.Helper()
	for range 100 {
		actions := Next(graph, names)
		if len(actions) == 0 {
			return order
		}
		for _, action := range actions {
			node := graph[action.Service]
			node.State, _ = machine.Next(node.State, action.Event)
			switch action.Event {
			case machine.Release:
				node.State = machine.Ready
				if node.Name == "seed" {
					node.State = machine.Done
				}
				order = append(order, node.Name)
			case machine.Stop:
				node.State = machine.Down
				order = append(order, node.Name)
			}
		}
	}
	t.Fatal("the plan does not come to rest")
	return nil
}
