package main

import (
	"runtime"
	"slices"

	"systemg.org/sysg/pkg/confine"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/sys"
)

// Sockets and FIFOs of the system's instance belong to the users of their
// services, or to whom the manifest says, and are made with no more access to
// files than those have, unless the whole path is root's (sys.Endpoint).

// socketsOf are a service's, each path with its owner.
func socketsOf(s *generation.LaunchService) []generation.Socket {
	if s.Confinement == nil { // A user's instance: there is nobody else.
		return s.Sockets
	}
	sockets := slices.Clone(s.Sockets)
	for i := range sockets {
		if sockets[i].Owner == nil {
			sockets[i].Owner = &generation.Owner{UID: s.Confinement.Identity.UID, GID: s.Confinement.Identity.GID}
		}
	}
	return sockets
}

func sameOwner(a, b *generation.Owner) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// ownerOfPath is what an endpoint has to know of the owner, nil for ourselves.
func ownerOfPath(s generation.Socket) *sys.Owner {
	if s.Owner == nil {
		return nil
	}
	id := &generation.Identity{UID: s.Owner.UID, GID: s.Owner.GID}
	return &sys.Owner{UID: id.UID, GID: id.GID, As: func(do func() error) error {
		// The access is a thread's own (setfsuid(2)).
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		return confine.AsUser(id, do)
	}}
}
