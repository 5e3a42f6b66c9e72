package plan

import (
	"fmt"

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
	leaving := !node.Wanted || node.Again
	switch {
	case leaving && g.holdsUp(dependants):
		return ""
	case !node.Wanted && changes(node.State, machine.Stop):
		return machine.Stop
	case node.Wanted && node.Again:
		return machine.Restart
	case node.Wanted && node.State == machine.Down:
		return machine.Start
	case node.State == machine.Waiting && g.Blocker(node) == nil:
		return machine.Release
	}
	return ""
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
		if node.State.Alive() && (!node.Wanted || node.Again || node.State == machine.Stopping || node.State == machine.Restarting) {
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
func (g Graph) satisfied(dependency generation.Dependency) bool {
	node := g[dependency.Service]
	if node == nil || node.Again {
		return false
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
