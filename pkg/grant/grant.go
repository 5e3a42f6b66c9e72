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
	// Vars are the variables that this one launch gets, and nobody can set
	// otherwise.
	Vars []string
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

// Launch finds what a request launches, or refuses it with a *Refusal.
//
// The active generation may be launched, and its predecessor: between an
// Install and the moment when sysgd goes over to it, a service that crashes
// comes back as it was.
func (h Helper) Launch(request spec.Launch, store Store) (Granted, error) {
	if !spec.ValidName(request.Project) || !spec.ValidName(request.Service) || !spec.ValidIncarnation(request.Incarnation) {
		// The codec has checked this; names become paths, so never twice is once too few.
		return Granted{}, refuse(spec.ReasonProtocol, "the launch is malformed")
	}
	launch, err := installed(request.Project, request.Generation, request.Hash, store)
	if err != nil {
		return Granted{}, err
	}
	return h.command(request, launch)
}

// MaxOfRole is how many runs of one role of one service may be at a time in the
// system's instance, those included of which something is left. sysgd has one of
// each, two while a service is being replaced, and a hook more for each end that
// comes while the hooks of the last ones still run. One that was taken over
// could start a hundred thousand of what root meant to run once.
const MaxOfRole = 8

// Crowded refuses, with a *Refusal, one more run of a role of a service, of which
// there are some.
func (h Helper) Crowded(request *spec.Launch, some int) error {
	if h.System && some >= MaxOfRole {
		return refuse(spec.ReasonBusy, "there are %d runs of the role %s of service %q already, the most at a time", some, request.Role, request.Service)
	}
	return nil
}

// Listen finds the service whose sockets are asked for, or refuses the request
// with a *Refusal, as Launch does.
func (h Helper) Listen(request spec.Listen, store Store) (generation.LaunchService, error) {
	launch, err := installed(request.Project, request.Generation, request.Hash, store)
	if err != nil {
		return generation.LaunchService{}, err
	}
	service, found := launch.Service(request.Service)
	if !found {
		return generation.LaunchService{}, refuse(spec.ReasonUnknown, "project %q has no service %q", request.Project, request.Service)
	}
	return service, h.fits(&service)
}

// installed is the launch part of a generation that may be launched now.
func installed(project string, number int, hash string, store Store) (generation.Launch, error) {
	none := generation.Launch{}
	active, err := store.Active(project)
	if err != nil {
		return none, refuse(spec.ReasonInternal, "cannot read the generations of project %q: %v", project, err)
	}
	if active == 0 {
		return none, refuse(spec.ReasonUnknown, "project %q is not installed", project)
	}
	if number != active && number != active-1 {
		return none, refuse(spec.ReasonUnknown, "generation %d of project %q may not be launched: %d is active", number, project, active)
	}
	stored, launch, err := store.Load(project, number)
	if err != nil {
		return none, refuse(spec.ReasonUnknown, "cannot read generation %d of project %q: %v", number, project, err)
	}
	if stored != hash {
		return none, refuse(spec.ReasonUnknown, "generation %d of project %q has another content than the one asked for", number, project)
	}
	return launch, nil
}

// command finds service and role in the launch part.
func (h Helper) command(request spec.Launch, launch generation.Launch) (Granted, error) {
	service, found := launch.Service(request.Service)
	if !found {
		return Granted{}, refuse(spec.ReasonUnknown, "project %q has no service %q", request.Project, request.Service)
	}
	argv, found := service.Role(request.Role)
	if !found || len(argv) == 0 {
		return Granted{}, refuse(spec.ReasonUnknown, "service %q has no command for the role %s", request.Service, request.Role)
	}
	if err := h.fits(&service); err != nil {
		return Granted{}, err
	}
	granted := Granted{Service: service, Argv: argv, Inherited: launch.Inherited}
	if err := granted.fill(request); err != nil {
		return Granted{}, err
	}
	return granted, nil
}
