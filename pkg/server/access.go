package server

import (
	"context"
	"slices"

	"systemg.org/sysg/pkg/api"
)

// Access is how callers are judged in the system's instance:
//
//	root                      admin
//	a member of Operators     operator
//	anybody else              viewer, or nobody where Closed says so
//	a process of a service    viewer at most, whoever it runs as
//
// What that does not allow a policy may, if there is one; not to a service.
type Access struct {
	// Operators is the group of people who operate services, nil for none.
	Operators *uint32
	// Closed says whether others may not even look; nil means that they may.
	Closed func() bool
	// Policy asks whether a caller may do an Action; nil means no.
	Policy func(ctx context.Context, by api.Caller, action string) bool
}

// actions are what a policy is asked about for each role, as they are named in
// systemd/system/org.systemg.policy.
var actions = map[role]string{
	viewer: "org.systemg.view", operator: "org.systemg.operate", admin: "org.systemg.administer",
}

// roleOf judges a caller. In user mode there are two kinds of people.
func (s *server) roleOf(who person) role {
	access := s.options.System
	switch {
	case access == nil && (who.UID == s.owner || who.UID == 0):
		return admin
	case access == nil:
		return nobody
	case who.service:
	case who.UID == 0:
		return admin
	case access.Operators != nil && slices.Contains(who.groups, *access.Operators):
		return operator
	}
	if access.Closed != nil && access.Closed() {
		return nobody
	}
	return viewer
}

// granted says whether a policy gives who has too low a role the one that is
// needed.
func (s *server) granted(ctx context.Context, who person, needed role) bool {
	access := s.options.System
	return access != nil && access.Policy != nil && !who.service && access.Policy(ctx, who.Caller, actions[needed])
}
