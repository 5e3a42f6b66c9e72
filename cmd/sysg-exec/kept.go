package main

import (
	"fmt"
	"slices"

	"systemg.org/sysg/pkg/grant"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// stored is a descriptor that a service gave us for its next incarnation
// (FDSTORE=1, sd_notify(3)).
type stored struct {
	name string
	fd   int
	// key is the watch for its other side's end.
	key uint64
}

// keep answers a Keep. A descriptor that is stored already is not stored twice.
func (h *helper) keep(c *conn, id uint64, k *spec.Keep, fds []int) {
	o, err := h.keeperOf(k)
	if err != nil {
		h.refuseGrant(c, id, err)
		return
	}
	for _, fd := range fds {
		if h.options.system {
			if err := sys.Keepable(fd); err != nil {
				h.refuse(c, id, spec.ReasonInvalid, err.Error())
				return
			}
		}
	}
	// What came is closed when we return, and the turn may come later: a number
	// may mean something of our own by then.
	mine, err := copies(fds)
	if err != nil {
		h.refuse(c, id, spec.ReasonInternal, err.Error())
		return
	}
	l := h.holding(o)
	h.turn(l, func() {
		for n, fd := range mine {
			if err := h.keepOne(l, k.Name, fd); err != nil {
				h.discard(mine[n:])
				h.refuse(c, id, spec.ReasonInternal, err.Error())
				return
			}
		}
		h.reply(c, spec.Reply{ID: id, Done: &spec.Done{}})
	})
}

// keeperOf is the service that a Keep is about: that of an incarnation, or one
// whose generation gives it a notify socket, without which nothing is stored.
func (h *helper) keeperOf(k *spec.Keep) (owner, error) {
	if k.Of == nil {
		inc := h.incarnations[k.Incarnation]
		if inc == nil || inc.record.Launch.Role != spec.RoleMain {
			return owner{}, &grant.Refusal{Reason: spec.ReasonUnknown, Detail: "no such incarnation"}
		}
		return ownerOf(&inc.record.Launch), h.storesSelf(inc)
	}
	service, err := h.grants.Listen(spec.Listen{Project: k.Of.Project, Generation: k.Of.Generation, Hash: k.Of.Hash, Service: k.Of.Service}, h.store)
	if err == nil && !service.Notify {
		err = &grant.Refusal{Reason: spec.ReasonUnknown, Detail: fmt.Sprintf("service %q has no notify socket", service.Name)}
	}
	return owner{k.Of.Project, k.Of.Service}, err
}

// storesSelf refuses what is stored for a service of the system's instance that
// has no notify socket, and so cannot have asked for it: a descriptor that it
// does not expect would be a way into it.
func (h *helper) storesSelf(inc *incarnation) error {
	if !h.options.system {
		return nil
	}
	service, err := h.launchedFrom(inc)
	if err == nil && !service.Notify {
		err = &grant.Refusal{Reason: spec.ReasonUnknown, Detail: fmt.Sprintf("service %q has no notify socket", service.Name)}
	}
	return err
}

// copies are copies of all, or none.
func copies(fds []int) (copied []int, err error) {
	for _, fd := range fds {
		one, err := sys.Dup(fd)
		if err != nil {
			sys.CloseAll(copied)
			return nil, err
		}
		copied = append(copied, one)
	}
	return copied, nil
}

// keepOne stores fd, which is its own from then on, unless it fails.
func (h *helper) keepOne(l *holding, name string, fd int) error {
	if slices.ContainsFunc(l.kept, func(s stored) bool { return sys.SameFile(s.fd, fd) }) {
		h.discard([]int{fd})
		return nil
	}
	if len(l.kept) == spec.MaxKept || h.heldFDs() >= h.maxHeld {
		return fmt.Errorf("%d descriptors are stored already, the most there may be", len(l.kept))
	}
	one := stored{name: name, fd: fd}
	// Nothing but the end of its other side, which is always reported. What
	// cannot be watched, such as a file, has none.
	one.key, _ = h.watch(fd, 0, func(uint32) {
		h.unwatch(one.key) // Else it is told again and again until the turn comes.
		h.turn(l, func() { h.dropKept(l, func(s stored) bool { return s.fd == fd }) })
	})
	l.kept = append(l.kept, one)
	h.changed()
	return nil
}

// drop answers a Drop.
func (h *helper) drop(c *conn, id uint64, d *spec.Drop) {
	inc := h.incarnations[d.Incarnation]
	if inc == nil {
		h.refuse(c, id, spec.ReasonUnknown, "no such incarnation")
		return
	}
	l := h.holding(ownerOf(&inc.record.Launch))
	h.turn(l, func() { h.dropKept(l, func(s stored) bool { return s.name == d.Name }) })
	h.reply(c, spec.Reply{ID: id, Done: &spec.Done{}})
}

// dropKept closes what was stored, as far as it is meant.
func (h *helper) dropKept(l *holding, meant func(stored) bool) {
	var dropped []int
	l.kept = slices.DeleteFunc(l.kept, func(s stored) bool {
		if !meant(s) {
			return false
		}
		h.unwatch(s.key)
		dropped = append(dropped, s.fd)
		return true
	})
	h.dropped(dropped)
}
