package main

import (
	"slices"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/sys"
)

// found is what an earlier helper left in custody.
type found struct {
	runs     map[string]foundRun
	services []*parcel
	// rest is of nobody any more. It is closed when it is not on the shelf either,
	// where the kernel would close the last copy in our thread.
	rest []int
}

// foundRun are the descriptors of an incarnation, -1 for what there is none of.
type foundRun struct {
	pid int
	fds [len(parkable)]int
}

// lookInto reads both shelves. Of what is there twice the later counts.
func (h *helper) lookInto(c *custody) (f found, err error) {
	f.runs = map[string]foundRun{}
	err = c.runs.look(func(p *parcel) {
		fds := p.fds
		for _, run := range p.Runs {
			one := foundRun{pid: run.PID, fds: [...]int{-1, -1, -1, -1, -1}}
			for _, letter := range run.Has {
				if at := slices.Index([]rune(parkable), letter); at >= 0 {
					one.fds[at] = fds[0]
				}
				fds = fds[1:]
			}
			f.drop(f.runs[run.Incarnation])
			f.runs[run.Incarnation] = one
			c.records++
		}
	})
	if err != nil {
		return f, err
	}
	var batch []*parcel
	err = c.services.look(func(p *parcel) {
		if len(batch) > 0 && batch[0].Batch != p.Batch {
			f.dropParcels(batch)
			batch = nil
		}
		batch = append(batch, p)
		c.batch = max(c.batch, p.Batch)
		if p.Last {
			f.dropParcels(f.services)
			f.services, batch = batch, nil
		}
	})
	f.dropParcels(batch)
	return f, err
}

func (f *found) drop(one foundRun) {
	for _, fd := range one.fds {
		if fd > 0 { // The zero value has none.
			f.rest = append(f.rest, fd)
		}
	}
}

func (f *found) dropParcels(parcels []*parcel) {
	for _, p := range parcels {
		f.rest = append(f.rest, p.fds...)
	}
}

// restore gives an incarnation what was kept of it.
func (h *helper) restore(inc *incarnation) {
	one, kept := h.found.runs[inc.record.Launch.Incarnation]
	if !kept {
		return
	}
	delete(h.found.runs, inc.record.Launch.Incarnation)
	inc.outputs = [2]int{one.fds[1], one.fds[2]}
	inc.notifyFD, inc.readyFD = one.fds[3], one.fds[4]
	if one.fds[0] >= 0 && one.pid == inc.record.PID {
		inc.pidfd = one.fds[0]
	} else if one.fds[0] >= 0 { // Of the main process before this one.
		sys.CloseAll(one.fds[:1])
	}
}

// restoreServices holds again what was held, for services that there are still,
// and closes what nobody wants any more.
func (h *helper) restoreServices() {
	gone := h.gone()
	for _, p := range h.found.services {
		fds := p.fds
		for _, service := range p.Services {
			mine := fds[:len(service.Sockets)+len(service.Kept)]
			fds = fds[len(mine):]
			if gone(service) {
				h.found.rest = append(h.found.rest, mine...)
				continue
			}
			l := h.holding(owner{service.Project, service.Service})
			for i, socket := range service.Sockets {
				one := held{Socket: socket, fd: mine[i]}
				one.made = one.hasPath()
				l.sockets = append(l.sockets, one)
			}
			for i, name := range service.Kept {
				if fd := mine[len(service.Sockets)+i]; h.keepOne(l, name, fd) != nil {
					h.discard([]int{fd})
				}
			}
			h.release(l)
		}
	}
	for _, one := range h.found.runs {
		h.found.drop(one)
	}
	if c := h.custody; c != nil {
		h.pack()
		h.shelve()
	}
	h.discard(h.found.rest)
	h.found = found{}
}

// gone says of services whether the active generation is without them. What
// cannot be read proves nothing.
func (h *helper) gone() func(parkedService) bool {
	launches := map[string]*generation.Launch{}
	return func(s parkedService) bool {
		launch, known := launches[s.Project]
		if !known {
			launch = &generation.Launch{} // It is installed no more.
			number, err := h.store.Active(s.Project)
			if err == nil && number != 0 {
				_, *launch, err = h.store.Load(s.Project, number)
			}
			if err != nil {
				launch = nil
			}
			launches[s.Project] = launch
		}
		if launch == nil {
			return false
		}
		_, found := launch.Service(s.Service)
		return !found
	}
}
