package grant

import "systemg.org/sysg/pkg/spec"

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
