package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/confine"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// listen answers a Listen, when all sockets are there.
func (h *helper) listen(c *conn, id uint64, l *spec.Listen, fds []int) {
	if len(fds) != len(l.Names) {
		h.refuse(c, id, spec.ReasonProtocol, fmt.Sprintf("%d descriptors came for %d names", len(fds), len(l.Names)))
		return
	}
	service, err := h.grants.Listen(*l, h.store)
	if err != nil {
		h.refuseGrant(c, id, err)
		return
	}
	declared := socketsOf(&service)
	copies, err := h.givenBack(declared, l.Names, fds)
	if err != nil {
		h.refuse(c, id, spec.ReasonInvalid, err.Error())
		return
	}
	held := h.holding(owner{l.Project, l.Service})
	h.turn(held, func() {
		held.adopt(h, copies)
		h.provideNow(held, declared, func(failure *confine.Failure) {
			if failure != nil {
				h.refuse(c, id, listenReason(failure), failure.Detail)
				return
			}
			h.listening(c, id, held, l.Watch)
		})
	})
}

// listenReason tells an address in use, which may become free, from the rest.
func listenReason(failure *confine.Failure) spec.Reason {
	if failure.Errno == int(unix.EADDRINUSE) {
		return spec.ReasonBusy
	}
	return spec.ReasonInternal
}

// givenBack checks descriptors that sysgd had for us against what is declared
// under their names, and copies those that are still to be had.
func (h *helper) givenBack(declared []generation.Socket, names []string, fds []int) (copies []held, err error) {
	for i, name := range names {
		socket, found := socketNamed(declared, name)
		if !found {
			return nil, closed(copies, fmt.Errorf("no socket %q is declared", name))
		}
		if h.options.system && socket.Kind == generation.SocketFIFO {
			continue // It is where it was, with all that is in it.
		}
		if err := h.fits(socket, fds[i]); err != nil {
			return nil, closed(copies, fmt.Errorf("what came as socket %q does not fit: %w", name, err))
		}
		fd, err := sys.Dup(fds[i])
		if err != nil {
			return nil, closed(copies, fmt.Errorf("cannot keep socket %q: %w", name, err))
		}
		one := held{Socket: socket, fd: fd}
		one.made = one.hasPath()
		copies = append(copies, one)
	}
	return copies, nil
}

// closed closes copies, and passes the error on.
func closed(copies []held, err error) error {
	for _, one := range copies {
		sys.CloseAll([]int{one.fd})
	}
	return err
}

func socketNamed(declared []generation.Socket, name string) (generation.Socket, bool) {
	for _, socket := range declared {
		if socket.Name == name {
			return socket, true
		}
	}
	return generation.Socket{}, false
}

// fits says whether fd is what a declaration asks for. What is inherited may be
// any socket or FIFO, since its unit declares what it is.
func (h *helper) fits(socket generation.Socket, fd int) error {
	if h.options.system {
		return h.returned(socket, fd)
	}
	if socket.Kind != generation.SocketInherit {
		return endpoint(socket).Holds(fd)
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	if kind := stat.Mode & unix.S_IFMT; kind != unix.S_IFSOCK && kind != unix.S_IFIFO {
		return errors.New("it is neither a socket nor a FIFO")
	}
	return nil
}

// adopt takes what is not held already.
func (l *holding) adopt(h *helper, copies []held) {
	h.changed()
	for _, one := range copies {
		if l.find(one.Socket) != nil {
			h.discard([]int{one.fd})
			continue
		}
		l.sockets = append(l.sockets, one)
	}
}

// listening answers a Listen.
func (h *helper) listening(c *conn, id uint64, l *holding, watch bool) {
	h.endWatch(l)
	fds, names, err := copied(l.sockets, nil)
	if err != nil {
		h.refuse(c, id, spec.ReasonInternal, err.Error())
		return
	}
	h.send(c, spec.Reply{ID: id, Listening: &spec.Listening{Names: names}}, frame{fds: fds})
	if watch {
		h.watchSockets(l)
	}
}

// watchSockets waits for somebody at any of a service's sockets.
func (h *helper) watchSockets(l *holding) {
	for _, socket := range l.sockets {
		key, err := h.watch(socket.fd, sys.Readable, func(uint32) { h.wanted(l) })
		if err == nil {
			l.watches = append(l.watches, key)
		}
	}
}

func (h *helper) endWatch(l *holding) {
	for _, key := range l.watches {
		h.unwatch(key)
	}
	l.watches = nil
}

// wanted tells it, once. Whoever was away asks again with Listen.
func (h *helper) wanted(l *holding) {
	h.endWatch(l)
	h.event(spec.Reply{Wanted: &spec.Wanted{Project: l.project, Service: l.service}})
}

// unlisten answers an Unlisten, when the paths are gone.
func (h *helper) unlisten(c *conn, id uint64, u *spec.Unlisten) {
	h.unhold(owner{u.Project, u.Service}, func() { h.reply(c, spec.Reply{ID: id, Done: &spec.Done{}}) })
}

// unhold closes all that is held for a service, and then goes on.
func (h *helper) unhold(o owner, then func()) {
	l := h.holding(o)
	h.turn(l, func() {
		h.dropKept(l, func(stored) bool { return true })
		l.hangUp()
		removed := l.dropUndeclared(h, nil)
		if len(removed) == 0 {
			then()
			return
		}
		l.busy = true
		h.start(&task{
			run: func() {
				for _, path := range removed {
					path.Remove()
				}
			},
			over:     func(bool) { l.busy = false; then(); h.release(l) },
			leftover: func() {},
		})
	})
}

// hangUp has everybody refused who connects from now on. To close our copy would
// not do: others are in launchers that are just being forked, and with sysgd, and
// ours is closed by a goroutine when it comes to it (discard.go). What a unit of
// systemd's listens at is left to that. shutdown(2) of a listener never waits.
func (l *holding) hangUp() {
	for _, one := range l.sockets {
		if one.Kind != generation.SocketInherit {
			_ = unix.Shutdown(one.fd, unix.SHUT_RDWR)
		}
	}
}
