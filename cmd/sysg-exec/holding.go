package main

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/confine"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// A service's sockets outlive its incarnations: who connects while there is
// none waits in the kernel's queue. They are made at the first Listen or
// Launch, follow the generation at each later one, and end with Unlisten. The
// paths among them are bound by a task; meanwhile everything else that is asked
// of them waits its turn.

// owner names a service.
type owner struct{ project, service string }

func ownerOf(l *spec.Launch) owner { return owner{l.Project, l.Service} }

// holding is what is held for one service.
type holding struct {
	owner
	sockets []held
	kept    []stored
	// busy: a task works on it. turns are what is to be done after that.
	busy  bool
	turns []func()
	// watches are those of its sockets for somebody who connects.
	watches []uint64
}

// held is a socket, or FIFO, of a service.
type held struct {
	generation.Socket
	fd int
	// made: a file came to be with it.
	made bool
}

// maxHeld is how many descriptors may be held for all services together, however
// many there may be.
const maxHeld = 1024

// holding finds what is held for a service, and begins with it if need be.
func (h *helper) holding(o owner) *holding {
	l := h.holdings[o]
	if l == nil {
		l = &holding{owner: o}
		h.holdings[o] = l
	}
	return l
}

func endpoint(s generation.Socket) sys.Endpoint {
	mode := s.Mode
	if mode == 0 {
		mode = 0o666
	}
	return sys.Endpoint{Network: string(s.Kind), Address: s.Address, Mode: mode, Owner: ownerOfPath(s)}
}

// same holds for two declarations that one socket can serve.
func same(a, b generation.Socket) bool {
	return a.Kind == b.Kind && a.Address == b.Address && a.Mode == b.Mode && sameOwner(a.Owner, b.Owner)
}

// turn does something to a holding, when all that came before it is done.
func (h *helper) turn(l *holding, do func()) {
	if l.busy {
		l.turns = append(l.turns, do)
		return
	}
	do()
	h.release(l)
}

// maxTurns bounds what waits for a turn, which may hold descriptors and take as
// long as a file system does. sysgd asks for one thing at a time.
const maxTurns = 64

// crowded says whether a request would have to wait for its turn, and too many do.
func (h *helper) crowded(r *spec.Request) bool {
	var o owner
	switch {
	case r.Listen != nil:
		o = owner{r.Listen.Project, r.Listen.Service}
	case r.Unlisten != nil:
		o = owner{r.Unlisten.Project, r.Unlisten.Service}
	case r.Keep != nil && r.Keep.Of != nil:
		o = owner{r.Keep.Of.Project, r.Keep.Of.Service}
	case r.Keep != nil && h.incarnations[r.Keep.Incarnation] != nil:
		o = ownerOf(&h.incarnations[r.Keep.Incarnation].record.Launch)
	case r.Drop != nil && h.incarnations[r.Drop.Incarnation] != nil:
		o = ownerOf(&h.incarnations[r.Drop.Incarnation].record.Launch)
	default:
		return false
	}
	l := h.holdings[o]
	return l != nil && len(l.turns) >= maxTurns
}

// release lets the next turn come, and drops a holding of nothing.
func (h *helper) release(l *holding) {
	for !l.busy && len(l.turns) > 0 {
		next := l.turns[0]
		l.turns = l.turns[1:]
		next()
	}
	if !l.busy && len(l.sockets) == 0 && len(l.kept) == 0 && h.holdings[l.owner] == l {
		delete(h.holdings, l.owner)
	}
}

// provide makes the sockets of a service those that are declared, and then goes
// on: with what failed, if something did, and then none of the new ones is left.
func (h *helper) provide(o owner, declared []generation.Socket, then func(*confine.Failure)) {
	l := h.holding(o)
	h.turn(l, func() { h.provideNow(l, declared, then) })
}

func (h *helper) provideNow(l *holding, declared []generation.Socket, then func(*confine.Failure)) {
	if h.heldFDs()-len(l.sockets)+len(declared) > h.maxHeld {
		then(confine.Fail(spec.StageSockets, fmt.Errorf("%d descriptors are held for services already: %w", h.heldFDs(), unix.EMFILE)))
		return
	}
	removed := l.dropUndeclared(h, declared)
	var missing []*held
	for _, socket := range declared {
		if l.find(socket) == nil {
			missing = append(missing, &held{Socket: socket, fd: -1})
		}
	}
	var err error
	work := func() {
		for _, path := range removed {
			path.Remove()
		}
		err = openAll(missing)
	}
	finish := func(late bool) {
		switch {
		case late:
			then(&confine.Failure{Stage: spec.StageSockets, Detail: fmt.Sprintf("not done within %s: their directory does not answer", h.options.launchTimeout)})
		case err != nil:
			then(confine.Fail(spec.StageSockets, err))
		default:
			l.take(declared, missing)
			h.changed()
			h.saveCookies()
			then(nil)
		}
	}
	if len(removed) == 0 && !slices.ContainsFunc(missing, (*held).hasPath) {
		work()
		finish(false)
		return
	}
	l.busy = true
	h.start(&task{
		run:  work,
		over: func(late bool) { l.busy = false; finish(late); h.release(l) },
		leftover: func() {
			h.start(&task{run: func() { closeAll(missing) }, over: func(bool) {}, leftover: func() {}})
		},
	})
}

func (s *held) hasPath() bool {
	return s.Kind == generation.SocketUnix || s.Kind == generation.SocketUnixPacket || s.Kind == generation.SocketFIFO
}

// openAll opens all or none.
func openAll(missing []*held) error {
	for _, socket := range missing {
		var err error
		if socket.Kind == generation.SocketInherit {
			err = fmt.Errorf("the supervisor has not got the descriptor %q that socket %q inherits: %w", socket.Address, socket.Name, unix.ENOENT)
		} else if socket.fd, socket.made, err = endpoint(socket.Socket).Open(); err != nil {
			err = fmt.Errorf("socket %q: %w", socket.Name, err)
		}
		if err != nil {
			closeAll(missing)
			return err
		}
	}
	return nil
}

// closeAll takes back what openAll did. It may wait for a file system.
func closeAll(sockets []*held) {
	for _, socket := range sockets {
		if socket.fd >= 0 {
			sys.CloseAll([]int{socket.fd})
			socket.fd = -1
			if socket.made {
				endpoint(socket.Socket).Remove()
			}
		}
	}
}

// find finds the socket that serves a declaration.
func (l *holding) find(socket generation.Socket) *held {
	for i := range l.sockets {
		if same(l.sockets[i].Socket, socket) {
			return &l.sockets[i]
		}
	}
	return nil
}

// dropUndeclared closes what a new generation does not have any more, and
// returns the paths to be taken away.
func (l *holding) dropUndeclared(h *helper, declared []generation.Socket) (removed []sys.Endpoint) {
	keep := l.sockets[:0]
	var dropped []int
	for _, one := range l.sockets {
		if slices.ContainsFunc(declared, func(s generation.Socket) bool { return same(s, one.Socket) }) {
			keep = append(keep, one)
			continue
		}
		h.endWatch(l)
		dropped = append(dropped, one.fd)
		if one.made {
			removed = append(removed, endpoint(one.Socket))
		}
	}
	l.sockets = keep
	h.dropped(dropped)
	return removed
}

// take puts what was opened beside what was there, in the order and under the
// names that are declared.
func (l *holding) take(declared []generation.Socket, opened []*held) {
	all := make([]held, 0, len(declared))
	for _, socket := range declared {
		one := l.find(socket)
		if one == nil {
			one = opened[slices.IndexFunc(opened, func(o *held) bool { return same(o.Socket, socket) })]
		}
		all = append(all, held{socket, one.fd, one.made})
	}
	l.sockets = all
}

// heldFDs counts the descriptors held for services.
func (h *helper) heldFDs() (count int) {
	for _, l := range h.holdings {
		count += len(l.sockets) + len(l.kept)
	}
	return count
}

// copied are copies of what is held, with its names: sockets first, then what
// was stored. The caller closes them.
func copied(sockets []held, kept []stored) (fds []int, names []string, err error) {
	for _, socket := range sockets {
		fds, names = append(fds, socket.fd), append(names, socket.Name)
	}
	for _, stored := range kept {
		fds, names = append(fds, stored.fd), append(names, stored.name)
	}
	if fds, err = copies(fds); err != nil {
		return nil, nil, fmt.Errorf("cannot copy a descriptor: %w", err)
	}
	return fds, names, nil
}
