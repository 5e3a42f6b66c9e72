package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/grant"
	"systemg.org/sysg/pkg/sys"
)

// callerAt finds out who is at the other end of a connection.
func (h *helper) callerAt(fd int) (grant.Caller, error) {
	peer, err := sys.Peer(fd)
	if err != nil || !h.options.system {
		return grant.Caller{UID: peer.UID}, err
	}
	inside, err := h.inService(fd, peer.PID)
	return grant.Caller{UID: peer.UID, Inside: inside}, err
}

// inService says whether the process that connected is in a cgroup of our
// services. What cannot be told is an error: a process that is gone has left its
// connection to another one.
//
// The pidfd proves that the number meant it (Linux 6.5). Before that there is
// the number alone, looked at as soon as it connects: it would take a process
// that ends, and whose number comes round, within that moment.
func (h *helper) inService(fd, pid int) (bool, error) {
	if pid <= 0 { // It is in no pid namespace of ours.
		return false, errors.New("the caller cannot be seen from here")
	}
	pidfd, err := sys.PeerPidfd(fd)
	if errors.Is(err, unix.ENOPROTOOPT) {
		pidfd, err = sys.PidfdOpen(pid)
	}
	if err != nil {
		return false, fmt.Errorf("the caller is gone: %w", err)
	}
	defer unix.Close(pidfd)
	inc, err := h.owner(pid, pidfd)
	if err != nil || inc != nil {
		return inc != nil, err
	}
	base, cgroups := h.contain.(*cgroups)
	if !cgroups {
		return false, errors.New("only cgroups tell services from everybody else")
	}
	at, found, err := base.of(pid)
	if err == nil {
		err = sys.PidfdSignal(pidfd, 0)
	}
	return found && below(at, base.base.Path()), err
}
