package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/cgroup"
)

// chooseContainment takes cgroups where there is a place for them:
//
//	--services-unit NAME   the cgroup of that unit, beside our own. Nothing
//	                       else will do: it is what outlives us.
//	otherwise              a subtree of our own cgroup, if we may make one,
//	                       else sessions
func chooseContainment(o options) (containment, error) {
	if o.containment == "session" {
		return newSessions()
	}
	base, err := openBase(o)
	if err == nil {
		return base, nil
	}
	if o.containment == "cgroup" || o.unit != "" {
		return nil, fmt.Errorf("cannot contain services in cgroups: %w", err)
	}
	fmt.Fprintf(os.Stderr, "sysg-exec: services are kept together by their sessions, since there is no cgroup to put them in: %v\n", err)
	return newSessions()
}

func openBase(o options) (*cgroups, error) {
	mount, err := cgroup.FindMount()
	if err != nil {
		return nil, err
	}
	own, err := cgroup.Own()
	if err != nil {
		return nil, err
	}
	below, seen := mount.Below(own)
	if !seen {
		return nil, fmt.Errorf("cgroup %q is not below the mount %q", own, mount.Point)
	}
	if o.unit != "" {
		return openUnit(mount, path.Join(path.Dir(below), o.unit))
	}
	return openSubtree(mount, below, o.state)
}

// openUnit opens the cgroup of the services unit, which is known by its holder.
func openUnit(mount cgroup.Mount, below string) (*cgroups, error) {
	unit, err := cgroup.Open(mount, below)
	if err != nil {
		return nil, err
	}
	holder, err := unit.Child(holderLeaf)
	if err != nil {
		unit.Close()
		return nil, fmt.Errorf("no %q runs there: %w", "sysg-exec hold", err)
	}
	holder.Close()
	return &cgroups{mount: mount, base: unit}, nil
}

// openSubtree makes a subtree of our own cgroup, for this user and state
// directory.
func openSubtree(mount cgroup.Mount, below, state string) (*cgroups, error) {
	own, err := cgroup.Open(mount, below)
	if err != nil {
		return nil, err
	}
	// A process can be born only where both its parent's cgroup and the new
	// one may be left and entered, which cgroup.procs of the upper one says.
	if err := unix.Faccessat2(own.FD(), "cgroup.procs", unix.W_OK, unix.AT_EACCESS); err != nil {
		own.Close()
		return nil, fmt.Errorf("cannot move processes out of cgroup %q: %w", "/"+below, err)
	}
	hash := sha256.Sum256([]byte(state))
	base, err := own.Ensure(fmt.Sprintf("sysg-%d-%s", os.Geteuid(), hex.EncodeToString(hash[:4])))
	if err != nil {
		own.Close()
		return nil, err
	}
	return &cgroups{mount: mount, base: base, above: own}, nil
}
