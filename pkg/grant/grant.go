// Package grant answers one question: may this caller ask sysg-exec for this?
//
// A caller is known by its uid, which the kernel vouches for. A launch is
// granted if the owner has installed it: the project, the generation with just
// that content, the service in it and the role. What is launched is taken from
// the installed generation and from nowhere else; the request only names it.
//
// It decides and does nothing; the Store behind it is an interface, so that
// every refusal is tested without a disk or a process.
package grant

import (
	"fmt"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// Store is what grant asks of the installed generations.
type Store interface {
	// Active is the number of a project's active generation, 0 for none.
	Active(project string) (int, error)
	// Load reads an installed generation: its hash and its launch part.
	Load(project string, number int) (hash string, launch generation.Launch, err error)
}

// Granted is what a granted request launches.
type Granted struct {
	Service generation.LaunchService
	// Argv is the command of the role that was asked for.
	Argv []string
	// Inherited is the environment that came with the generation.
	Inherited []string
}

// Refusal is the error of a request that is not granted.
type Refusal struct {
	Reason spec.Reason
	Detail string
}

// Error implements error.
func (r *Refusal) Error() string { return r.Detail }

func refuse(reason spec.Reason, format string, args ...any) error {
	return &Refusal{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// Peer says whether a caller with this uid may use the socket of a helper that
// runs as self: its own user, and root.
func Peer(uid, self uint32) bool { return uid == self || uid == 0 }

// Launch finds what a request launches, or refuses it with a *Refusal.
//
// The active generation may be launched, and its predecessor: between an
// Install and the moment when sysgd goes over to it, a service that crashes
// comes back as it was.
func Launch(request spec.Launch, store Store) (Granted, error) {
	if !spec.ValidName(request.Project) || !spec.ValidName(request.Service) || !spec.ValidIncarnation(request.Incarnation) {
		// The codec has checked this; names become paths, so never twice is once too few.
		return Granted{}, refuse(spec.ReasonProtocol, "the launch is malformed")
	}
	active, err := store.Active(request.Project)
	if err != nil {
		return Granted{}, refuse(spec.ReasonInternal, "cannot read the generations of project %q: %v", request.Project, err)
	}
	if active == 0 {
		return Granted{}, refuse(spec.ReasonUnknown, "project %q is not installed", request.Project)
	}
	if request.Generation != active && request.Generation != active-1 {
		return Granted{}, refuse(spec.ReasonUnknown, "generation %d of project %q may not be launched: %d is active", request.Generation, request.Project, active)
	}
	hash, launch, err := store.Load(request.Project, request.Generation)
	if err != nil {
		return Granted{}, refuse(spec.ReasonUnknown, "cannot read generation %d of project %q: %v", request.Generation, request.Project, err)
	}
	if hash != request.Hash {
		return Granted{}, refuse(spec.ReasonUnknown, "generation %d of project %q has another content than the one asked for", request.Generation, request.Project)
	}
	return command(request, launch)
}

// command finds service and role in the launch part.
func command(request spec.Launch, launch generation.Launch) (Granted, error) {
	service, found := launch.Service(request.Service)
	if !found {
		return Granted{}, refuse(spec.ReasonUnknown, "project %q has no service %q", request.Project, request.Service)
	}
	argv, found := service.Role(request.Role)
	if !found || len(argv) == 0 {
		return Granted{}, refuse(spec.ReasonUnknown, "service %q has no command for the role %s", request.Service, request.Role)
	}
	return Granted{Service: service, Argv: argv, Inherited: launch.Inherited}, nil
}
