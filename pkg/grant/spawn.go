package grant

import (
	"fmt"
	"time"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// Child is what a process inside a service asks for on its own behalf.
type Child struct {
	// Parent is the incarnation that it is asked by, or for.
	Parent spec.Record
	Ask    spec.Spawn
	// By is the uid of who asks.
	By uint32
	// Siblings are the children of the service that live.
	Siblings []spec.Record
	// Recent is when the last ones came to be, in order.
	Recent []time.Time
	Now    time.Time
}

// Limit is the refusal of a child by one of the limits in the generation.
type Limit struct {
	// Name is the key of spawn.limits in a manifest, or "rate".
	Name   string
	Detail string
}

// Error implements error.
func (l *Limit) Error() string { return l.Detail }

// Spawn finds what a child is launched from: the generation that its parent was
// launched from, and the command that was asked for. It refuses with a *Refusal
// or a *Limit.
func (h Helper) Spawn(c Child, store Store) (Granted, error) {
	parent := c.Parent.Launch
	if parent.Role != spec.RoleMain && parent.Role != spec.RoleChild {
		return Granted{}, refuse(spec.ReasonPeer, "a process of the role %s may not ask for children", parent.Role)
	}
	// Not only the active one: the parent lives, so it was granted once.
	hash, launch, err := store.Load(parent.Project, parent.Generation)
	if err != nil || hash != parent.Hash {
		return Granted{}, refuse(spec.ReasonUnknown, "generation %d of project %q is not there any more", parent.Generation, parent.Project)
	}
	service, found := launch.Service(parent.Service)
	if !found || service.Spawn == nil {
		return Granted{}, refuse(spec.ReasonPeer, "service %q may not have children: its manifest does not say spawn mode dynamic", parent.Service)
	}
	if err := h.fits(&service); err != nil {
		return Granted{}, err
	}
	// A child is what its service is, so a process that has given that up, as a
	// server's workers do, would get it back.
	if h.System && c.By != 0 && c.By != service.Confinement.Identity.UID {
		return Granted{}, refuse(spec.ReasonPeer, "user %d may not ask for a child of service %q, which would run as user %d", c.By, parent.Service, service.Confinement.Identity.UID)
	}
	if err := c.within(service.Spawn); err != nil {
		return Granted{}, err
	}
	return Granted{
		Service: service, Argv: c.Ask.Argv, Inherited: launch.Inherited,
		Vars: []string{fmt.Sprintf("SPAWN_DEPTH=%d", c.Depth()), fmt.Sprintf("SPAWN_PARENT_PID=%d", c.Ask.ParentPID)},
	}, nil
}

// Depth is that of the child, 1 for one of the service itself.
func (c *Child) Depth() int {
	if c.Parent.Child == nil {
		return 1
	}
	return c.Parent.Child.Depth + 1
}

// within checks the limits.
func (c *Child) within(limits *generation.Spawn) error {
	children := 0
	for _, sibling := range c.Siblings {
		if sibling.Child.Parent == c.Parent.Launch.Incarnation {
			children++
		}
	}
	recent := 0
	for _, at := range c.Recent {
		if c.Now.Sub(at) < time.Second {
			recent++
		}
	}
	service := c.Parent.Launch.Service
	switch {
	case c.Depth() > limits.Depth:
		return &Limit{"depth", fmt.Sprintf("service %q may have children to a depth of %d (spawn.limits.depth)", service, limits.Depth)}
	case children >= limits.Children:
		return &Limit{"children", fmt.Sprintf("one process of service %q may have %d children at a time (spawn.limits.children)", service, limits.Children)}
	case len(c.Siblings) >= limits.Descendants:
		return &Limit{"descendants", fmt.Sprintf("service %q may have %d children and children of children at a time (spawn.limits.descendants)", service, limits.Descendants)}
	case recent >= spec.MaxSpawnRate:
		return &Limit{"rate", fmt.Sprintf("service %q may have no more than %d new children in a second", service, spec.MaxSpawnRate)}
	}
	return nil
}
