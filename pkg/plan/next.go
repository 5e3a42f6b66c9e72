package plan

import (
	"fmt"
	"slices"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
)

// Node is a service as the plan sees it.
type Node struct {
	Name  string
	State machine.State
	// Wanted is the desired state: up.
	Wanted bool
	// Again asks that what runs is ended and started anew.
	Again     bool
	DependsOn []generation.Dependency
	// Lazy and Cron are services that a client or a schedule starts.
	Lazy, Cron bool
	// Owed: a run of a schedule is due.
	Owed bool
	// Skip: its manifest says to leave it out.
	Skip bool
	// Excused: it is skipped because of a dependency, not by itself.
	Excused bool
	// Rolling: it runs, and if it is wanted again it is replaced, not ended.
	Rolling bool
	// Outdated: what runs of it was started from another definition.
	Outdated bool
}

// Action is one step that is possible now.
type Action struct {
	Service string
	Event   machine.Event
}

func (a Action) String() string { return fmt.Sprintf("%s %s", a.Event, a.Service) }

// Graph is the services of one project by name.
type Graph map[string]*Node

// Next returns the steps that are possible now, in the order of names. The
// caller carries them out and asks again; no steps means that everything is as
// desired or waits for an event.
func Next(graph Graph, names []string) []Action {
	dependants := graph.dependants()
	var actions []Action
	for _, name := range names {
		if event := graph.step(graph[name], dependants[name]); event != "" {
			actions = append(actions, Action{name, event})
		}
	}
	return actions
}

// step is what can be done for one node now, "" for nothing.
func (g Graph) step(node *Node, dependants []string) machine.Event {
	leaving := !node.Wanted || node.Again && !node.Rolling
	switch {
	case leaving && g.holdsUp(dependants):
		return ""
	case !node.Wanted && changes(node.State, machine.Stop):
		return machine.Stop
	case node.Wanted && node.Again && g.awaits(node):
		return ""
	case node.Wanted && node.Again:
		return machine.Restart
	case node.Wanted && node.State == machine.Down:
		return machine.Start
	case node.State == machine.Skipped && node.Excused && g.Skipped(node) == nil:
		return machine.Start
	case node.State == machine.Waiting:
		return g.release(node)
	case node.State == machine.Scheduled && node.Owed && g.Blocker(node) == nil:
		return machine.Due
	}
	return ""
}

// awaits reports whether a node that is wanted again has to wait for what it
// depends on. What is replaced needs all of it, since its successor does; what
// is ended comes back to dependencies that have been replaced by then, so that
// it is gone for no longer than it takes itself.
func (g Graph) awaits(node *Node) bool {
	if node.Rolling && g.Blocker(node) != nil {
		return true
	}
	return slices.ContainsFunc(node.DependsOn, func(edge generation.Dependency) bool {
		other := g[edge.Service]
		comes := other != nil && other.Again && other.Wanted
		return comes && (node.Rolling || other.Rolling && g.Blocker(other) == nil)
	})
}

// release is how a waiting node goes on, "" for not yet. A schedule does not
// wait for dependencies: what a run needs is looked at when it is due.
func (g Graph) release(node *Node) machine.Event {
	switch {
	case node.Skip || g.Skipped(node) != nil:
		return machine.Skip
	case node.Cron:
		return machine.Schedule
	case g.Blocker(node) != nil:
		return ""
	case node.Lazy:
		return machine.Listen
	}
	return machine.Release
}

// Skipped is the first dependency that is skipped, nil if none: what depends on
// it is skipped too.
func (g Graph) Skipped(node *Node) *generation.Dependency {
	for i := range node.DependsOn {
		if other := g[node.DependsOn[i].Service]; other != nil && other.State == machine.Skipped {
			return &node.DependsOn[i]
		}
	}
	return nil
}

func changes(state machine.State, event machine.Event) bool {
	next, _ := machine.Next(state, event)
	return next != state
}

// holdsUp reports whether one of the dependants is still to be ended, or being
// ended, so that what it depends on has to stay.
func (g Graph) holdsUp(dependants []string) bool {
	for _, name := range dependants {
		node := g[name]
		if node.State.Alive() && (!node.Wanted || node.Again && !node.Rolling || node.State == machine.Stopping || node.State == machine.Restarting) {
			return true
		}
	}
	return false
}

// Blocker is the first dependency that keeps node from starting, nil if none.
func (g Graph) Blocker(node *Node) *generation.Dependency {
	for i := range node.DependsOn {
		if !g.satisfied(node.DependsOn[i]) {
			return &node.DependsOn[i]
		}
	}
	return nil
}

// satisfied reports whether a dependency's condition holds. One that is about
// to be ended does not satisfy: its dependants would start against what leaves.
// One that is about to be replaced does.
func (g Graph) satisfied(dependency generation.Dependency) bool {
	node := g[dependency.Service]
	if node == nil || node.Again && !node.Rolling {
		return false
	}
	switch {
	case node.State == machine.Scheduled, node.Cron && node.State.Alive():
		return true // Its runs are not part of a start.
	case node.State == machine.Listening:
		return dependency.Condition == generation.Started // Connections queue until it is up.
	}
	switch dependency.Condition {
	case generation.Completed:
		return node.State == machine.Done
	case generation.Healthy:
		return node.State == machine.Ready && node.Wanted
	}
	return node.State == machine.Done || node.State == machine.Ready && node.Wanted
}

func (g Graph) dependants() map[string][]string {
	dependants := make(map[string][]string, len(g))
	for name, node := range g {
		for _, dependency := range node.DependsOn {
			dependants[dependency.Service] = append(dependants[dependency.Service], name)
		}
	}
	return dependants
}
