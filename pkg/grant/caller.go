package grant

import (
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// Helper is what decides who may use the socket of a helper.
type Helper struct {
	// UID is its own.
	UID uint32
	// System: it serves the system's instance, and Daemon is the uid of sysgd
	// there.
	System bool
	Daemon uint32
}

// Caller is one who asks, as the kernel names it.
type Caller struct {
	UID uint32
	// Inside: its process is in the cgroup of a service. Only the system's
	// helper looks.
	Inside bool
}

// Connects says whether a caller is listened to at all.
//
// A user's helper serves its own user, and root. The system's serves root and
// the daemon, which holds nothing of root's but this connection. What is inside
// a service is neither, whatever its uid: a service may well run as root, with
// next to nothing of root's powers.
func (h Helper) Connects(c Caller) bool {
	if !h.System {
		return c.UID == h.UID || c.UID == 0
	}
	return !c.Inside && (c.UID == 0 || c.UID == h.Daemon)
}

// Asks refuses, with a *Refusal, what this caller may not ask for.
//
// In the system's instance the daemon leads what is installed, and root alone
// says what that is. Where all is one user's there is nothing to tell apart.
func (h Helper) Asks(c Caller, r *spec.Request) error {
	installs := r.Install != nil || r.Activate != nil || r.Remove != nil
	if h.System && installs && c.UID != 0 {
		return refuse(spec.ReasonPeer, "only root installs, activates and removes generations of the system's instance")
	}
	return nil
}

// Installs refuses, with a *Refusal, a generation that this helper would launch
// nothing of.
func (h Helper) Installs(launch *generation.Launch) error {
	for i := range launch.Services {
		if err := h.fits(&launch.Services[i]); err != nil {
			return err
		}
	}
	return nil
}

// fits refuses a service of the system's instance that does not say as whom it
// runs. It is asked at each launch, too, since root may put what was compiled
// for one of root's own instances in the place of what was installed.
func (h Helper) fits(s *generation.LaunchService) error {
	if h.System && s.Confinement == nil {
		return refuse(spec.ReasonInvalid, "service %q does not say as whom it runs: it was compiled for a user's instance, not the system's", s.Name)
	}
	return nil
}
