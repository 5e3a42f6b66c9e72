package plan

import (
	"fmt"
	"slices"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/order"
)

// Fate is what a reconcile does with a service.
type Fate string

// The fates.
const (
	Keep    Fate = "keep"    // nothing happens to it
	Begin   Fate = "start"   // it is started
	Anew    Fate = "restart" // it is ended and started anew
	Replace Fate = "replace" // the next incarnation takes over without a gap
	End     Fate = "stop"    // it is ended, since the manifest has it no more
	// Redefine: its definition changes, and nothing else until it is started.
	Redefine Fate = "redefine"
)

// Change is the fate of one service, and why.
type Change struct {
	Service string `json:"service"`
	Fate    Fate   `json:"fate"`
	Because string `json:"because"`
}

// Scope is how far a reconcile goes.
type Scope struct {
	// Named are services that are restarted whether they changed or not.
	Named []string
	// All restarts everything that is wanted up where nothing has changed,
	// tries again what is not up, and starts all where nothing is wanted up.
	All bool
	// Only: what is new is not started with the rest. A start says itself
	// which services it wants.
	Only bool
}

// Reconcile says what becomes of each service, sorted by name, when the
// services of a project are defined by next from now on. graph is how they are,
// with the dependencies of old. It is what a restart does, and what `sysg plan`
// shows; nothing else decides that.
//
// What is new is started and what is gone ended. What changed and is wanted up
// is restarted, and with it what depends on it, but for those that depend only
// on what is replaced without a gap: they would lose theirs. What nobody wants
// up takes its new definition and stays down, and so does what a schedule
// starts.
func Reconcile(graph Graph, old, next []generation.Service, scope Scope) []Change {
	r := reconciler{graph: graph.defined(next), next: map[string]generation.Service{}, fates: map[string]Change{}}
	for _, service := range next {
		r.next[service.Name] = service
	}
	if scope.All && len(scope.Named) == 0 {
		r.wake()
	}
	r.compare(Diff(old, next), scope)
	r.spread()
	changes := make([]Change, 0, len(r.fates))
	for _, change := range r.fates {
		changes = append(changes, change)
	}
	order.By(changes, func(a, b *Change) int {
		if a.Service < b.Service {
			return -1
		}
		return 1
	})
	return changes
}

// Changes reports whether any of them is one.
func Changes(all []Change) bool {
	return slices.ContainsFunc(all, func(c Change) bool { return c.Fate != Keep })
}

// defined is the graph with what a generation says of dependencies, and with
// the services that it adds.
func (g Graph) defined(next []generation.Service) Graph {
	graph := make(Graph, len(g))
	for name, node := range g {
		copied := *node
		graph[name] = &copied
	}
	for _, service := range next {
		node := graph[service.Name]
		if node == nil {
			node = &Node{Name: service.Name, State: machine.Down}
			graph[service.Name] = node
		}
		node.DependsOn = service.DependsOn
		node.Cron = node.Cron && service.Cron != nil
		gapless, _ := Gapless(service)
		node.Rolling = gapless && node.State == machine.Ready
	}
	return graph
}

type reconciler struct {
	graph Graph
	next  map[string]generation.Service
	fates map[string]Change
	idle  bool // nothing is wanted up, and everything is to be
}

func (r *reconciler) set(name string, fate Fate, because string) {
	r.fates[name] = Change{name, fate, because}
}

// wake wants everything up where nothing is: a restart of what was stopped as a
// whole is a start.
func (r *reconciler) wake() {
	for _, node := range r.graph {
		if node.Wanted {
			return
		}
	}
	r.idle = true
}

// compare gives each service the fate that its own definition leads to.
func (r *reconciler) compare(difference Difference, scope Scope) {
	unchanged := difference.Empty()
	for _, name := range difference.Unchanged {
		if r.graph[name].Outdated {
			unchanged = false
		}
	}
	for _, name := range difference.Added {
		if scope.Only {
			r.set(name, Redefine, "it is new")
			continue
		}
		r.set(name, Begin, "it is new")
	}
	for _, name := range difference.Removed {
		r.set(name, End, "the manifest has it no more")
	}
	for _, name := range difference.Changed {
		r.renew(name, "its definition has changed")
	}
	for _, name := range difference.Unchanged {
		switch node := r.graph[name]; {
		case node.Outdated:
			r.renew(name, "it still runs as it was defined before")
		case !scope.All || len(scope.Named) > 0 || node.Cron && node.Wanted:
			r.set(name, Keep, "it has not changed")
		case r.idle:
			r.set(name, Begin, "all of the project is restarted")
		case unchanged && node.Wanted && node.State != machine.Done:
			r.again(name, "all of the project is restarted")
		case node.Wanted && failed(node.State):
			r.set(name, Begin, "it is not up")
		default:
			r.set(name, Keep, "it has not changed")
		}
	}
	for _, name := range scope.Named {
		if r.fates[name].Fate != End {
			r.again(name, "it is named")
		}
	}
}

// failed are the states in which nothing runs, though somebody wants it to.
func failed(state machine.State) bool {
	return state == machine.BackingOff || state == machine.GivenUp || state == machine.Failed
}

// renew restarts what is wanted up.
func (r *reconciler) renew(name, because string) {
	switch node := r.graph[name]; {
	case r.idle:
		r.set(name, Begin, because)
	case !node.Wanted:
		r.set(name, Redefine, because+"; it stays stopped")
	case node.Cron:
		r.set(name, Redefine, because+"; a run in progress goes on")
	default:
		r.again(name, because)
	}
}

// again restarts a service in the way that is its own.
func (r *reconciler) again(name, because string) {
	node := r.graph[name]
	_, vain := Gapless(r.next[name])
	switch {
	case node.State == machine.Down || !node.Wanted:
		r.set(name, Begin, because)
	case node.Rolling:
		r.set(name, Replace, because)
	case vain != "" && node.State == machine.Ready:
		r.set(name, Anew, because+"; not without a gap: "+vain)
	default:
		r.set(name, Anew, because)
	}
}

// spread restarts what depends on what is restarted, and starts what is needed
// for what is started.
func (r *reconciler) spread() {
	var ended, up []string
	for name, change := range r.fates {
		if change.Fate == Anew {
			ended = append(ended, name)
		}
		if change.Fate != Keep && change.Fate != End && change.Fate != Redefine {
			up = append(up, name)
		}
	}
	for _, name := range Dependants(r.graph, ended) {
		if _, defined := r.next[name]; defined && r.fates[name].Fate == Keep {
			r.again(name, fmt.Sprintf("it depends on %s", r.source(name)))
			up = append(up, name)
		}
	}
	for _, name := range Requirements(r.graph, up) {
		if node := r.graph[name]; node != nil && !node.Wanted && (r.fates[name].Fate == Keep || r.fates[name].Fate == Redefine) {
			r.set(name, Begin, "others need it")
		}
	}
}

// source is the first dependency because of which a service is restarted.
func (r *reconciler) source(name string) string {
	edges := r.graph[name].DependsOn
	i := slices.IndexFunc(edges, func(edge generation.Dependency) bool {
		fate := r.fates[edge.Service].Fate
		return fate == Anew || fate == Replace && !r.graph[edge.Service].Rolling
	})
	if i < 0 { // Through one that is to be restarted as well.
		return "what is restarted"
	}
	return edges[i].Service + ", which is restarted"
}
