package main

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/grant"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// maxAskers bounds them; a further one takes the place of the oldest.
const maxAskers = 16

// asker is one connection to spawn.sock.
type asker struct {
	fd  int
	key uint64
	// pid is that of the process that connected, pidfd proves it; -1 where the
	// kernel does not give one (before Linux 6.5), which will do only where all
	// is one user's.
	pid, pidfd int
	uid        uint32
	// waits: its child is being launched.
	waits  bool
	closed bool
}

func (h *helper) acceptAskers(listener int) {
	for range maxTurn {
		fd, err := sys.Accept(listener)
		if err != nil {
			return
		}
		a, err := h.askerAt(fd)
		if err != nil {
			h.discard([]int{fd})
			continue
		}
		if a.key, err = h.watch(fd, sys.Readable, func(uint32) { h.askerReady(a) }); err != nil {
			a.close(h)
			continue
		}
		h.askers = append(h.askers, a)
		if len(h.askers) > maxAskers {
			h.askers[0].close(h)
		}
	}
}

// askerAt finds out who has connected. In the system's instance a service may be
// anybody's, so it is the cgroup that will decide, and not the uid.
func (h *helper) askerAt(fd int) (*asker, error) {
	peer, err := sys.Peer(fd)
	if err != nil {
		return nil, err
	}
	if !h.options.system && !h.grants.Connects(grant.Caller{UID: peer.UID}) {
		return nil, unix.EACCES
	}
	pidfd, err := sys.PeerPidfd(fd)
	if err != nil && !errors.Is(err, unix.ENOPROTOOPT) {
		return nil, err
	}
	a := &asker{fd: fd, uid: peer.UID, pid: peer.PID, pidfd: pidfd}
	if h.options.system && peer.UID != 0 && pidfd >= 0 {
		// Everybody can connect, so that who is in no service must not take the
		// place of one who is.
		if own, err := h.owner(peer.PID, pidfd); err != nil || own == nil {
			_ = unix.Close(pidfd)
			return nil, unix.EACCES
		}
	}
	return a, nil
}

// askerReady takes the one request of a connection. Whatever comes after it,
// its end included, is the end of the connection.
func (h *helper) askerReady(a *asker) {
	n, fds, err := sys.Receive(a.fd, h.buf, h.discard)
	if errors.Is(err, sys.ErrWouldBlock) {
		return
	}
	h.discard(fds)
	if err != nil || a.waits {
		a.close(h)
		return
	}
	if len(fds) > 0 {
		a.refuse(h, "", "no descriptors can be passed to a child")
		return
	}
	ask, err := spec.DecodeSpawn(h.buf[:n])
	if err != nil {
		a.refuse(h, "", err.Error())
		return
	}
	h.spawn(a, ask)
}

// refuse answers with an error, and the limit that was reached. A nil asker
// waits for nothing.
func (a *asker) refuse(h *helper, limit, detail string) {
	a.answer(h, spec.SpawnReply{Error: detail, Limit: limit})
}

// answer sends the one reply, for which there is room, and closes.
func (a *asker) answer(h *helper, r spec.SpawnReply) {
	if a == nil || a.closed {
		return
	}
	if text, err := spec.EncodeSpawnReply(r); err == nil {
		_ = sys.SendPacket(a.fd, text, nil)
	}
	a.close(h)
}

func (a *asker) close(h *helper) {
	if a.closed {
		return
	}
	a.closed = true
	h.unwatch(a.key)
	h.discard([]int{a.fd})
	if a.pidfd >= 0 {
		sys.CloseAll([]int{a.pidfd})
	}
	h.askers = slices.DeleteFunc(h.askers, func(other *asker) bool { return other == a })
}
