package plan

import (
	"maps"
	"slices"

	"systemg.org/sysg/pkg/generation"
)

// Casualties are the services that have to be ended and started anew because
// the named one failed: those that run and depend on it, directly or through
// others, and do not say that they keep running. A run of a schedule is none: it
// succeeds or fails by itself, and is not made anew.
func Casualties(graph Graph, failed string) []string {
	return graph.reach([]string{failed}, func(node *Node, edge generation.Dependency) bool {
		return !edge.Keep && !node.Cron && node.State.Alive()
	})
}

// Dependants are the services that depend on those named, directly or through
// others, without them. A one-shot that is done is not run again for that, and a
// run of a schedule goes on. What is replaced without a gap passes nothing on:
// who depends on it misses nothing.
func Dependants(graph Graph, names []string) []string {
	return graph.reach(names, func(node *Node, edge generation.Dependency) bool {
		through := graph[edge.Service]
		passes := slices.Contains(names, edge.Service) || through == nil || !through.Rolling
		return !edge.Keep && !node.Cron && node.State.Alive() && passes
	})
}

// reach follows edges from names to those who depend on them while follow
// agrees, and returns who was reached, sorted.
func (g Graph) reach(names []string, follow func(*Node, generation.Dependency) bool) []string {
	reached := map[string]bool{}
	for pending := slices.Clone(names); len(pending) > 0; pending = pending[1:] {
		for name, node := range g {
			for _, edge := range node.DependsOn {
				if edge.Service == pending[0] && !reached[name] && !slices.Contains(names, name) && follow(node, edge) {
					reached[name] = true
					pending = append(pending, name)
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(reached))
}

// Requirements are the services named and all that they depend on, sorted.
func Requirements(graph Graph, names []string) []string {
	reached := map[string]bool{}
	for pending := slices.Clone(names); len(pending) > 0; pending = pending[1:] {
		node := graph[pending[0]]
		if node == nil || reached[node.Name] {
			continue
		}
		reached[node.Name] = true
		for _, edge := range node.DependsOn {
			pending = append(pending, edge.Service)
		}
	}
	return slices.Sorted(maps.Keys(reached))
}

// Difference is what changes from one generation to the next, by service name.
type Difference struct {
	Added, Changed, Removed, Unchanged []string
}

// Empty reports whether the two are the same.
func (d Difference) Empty() bool { return len(d.Added)+len(d.Changed)+len(d.Removed) == 0 }

// Diff compares two generations service by service.
func Diff(old, next []generation.Service) Difference {
	hashes := map[string]string{}
	for _, service := range old {
		hashes[service.Name] = service.Hash
	}
	var difference Difference
	for _, service := range next {
		hash, known := hashes[service.Name]
		delete(hashes, service.Name)
		switch {
		case !known:
			difference.Added = append(difference.Added, service.Name)
		case hash != service.Hash:
			difference.Changed = append(difference.Changed, service.Name)
		default:
			difference.Unchanged = append(difference.Unchanged, service.Name)
		}
	}
	difference.Removed = slices.Sorted(maps.Keys(hashes))
	return difference
}
