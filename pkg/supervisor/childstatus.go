package supervisor

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/metrics"
	"systemg.org/sysg/pkg/order"
)

// childTree is the children of a service as a status shows them: those that
// live, then the last ones that have ended, each below its parent.
func (v *service) childTree() []api.Child {
	live := slices.Clone(v.children)
	order.By(live, func(a, b **run) int {
		return cmp.Or((*a).started.Compare((*b).started), cmp.Compare((*a).pid, (*b).pid))
	})
	all := slices.Concat(live, v.former)
	known := map[string]bool{}
	for _, r := range all {
		known[r.incarnation] = true
	}
	below := map[string][]*run{}
	for _, r := range all {
		parent := r.child.Parent
		if !known[parent] {
			parent = "" // that is the service itself, or an earlier run of it
		}
		below[parent] = append(below[parent], r)
	}
	return v.childrenOf("", below)
}

func (v *service) childrenOf(parent string, below map[string][]*run) []api.Child {
	children := []api.Child{}
	for _, r := range below[parent] {
		children = append(children, api.Child{Child: v.childProcess(r), Children: v.childrenOf(r.incarnation, below)})
	}
	return children
}

func (v *service) childProcess(r *run) api.ChildProcess {
	shown := api.ChildProcess{
		Name: r.child.Name, PID: r.pid, ParentPID: r.child.parentPID, Command: strings.Join(r.child.Argv, " "),
		StartedAt: timestamp(r.started), Depth: r.child.Depth, Kind: "spawned",
	}
	if r.child.TTL > 0 {
		seconds := int64((r.child.TTL + time.Second - 1) / time.Second)
		shown.TTL = &seconds
	}
	if r.exited != nil {
		last := lastExit(r.exited)
		shown.LastExit = shownExit(last)
	}
	return shown
}

// measureChildren completes children with what the kernel says now.
func (s *Supervisor) measureChildren(children []api.Child, names userNames) {
	for i := range children {
		child := &children[i].Child
		s.measureChildren(children[i].Children, names)
		if child.LastExit != nil {
			continue
		}
		look := s.kernel.Look(metrics.Target{PID: child.PID})
		began, err := time.Parse(time.RFC3339Nano, child.StartedAt)
		if look.Condition == metrics.Missing || err != nil {
			continue
		}
		used := metrics.Between(metrics.Look{At: began}, look).CPU
		child.CPU, child.RSS, child.User = &used, &look.Memory, names.of(look.UID)
	}
}
