package main

import (
	"fmt"
	"os"
)

// Custody is what outlives us and sysgd at once: a copy of the descriptors of each
// incarnation, and of the sockets and stored descriptors of each service, is in
// the holder (hold.go), which does nothing and so does not die. Records on disk
// say the rest (record.go).
//
// Incarnations come and go quickly, so each has a parcel of its own, put there
// before its launch is announced, by one sendmsg(2). The parcel of one that is
// over stays until there are as many of those as of others: then all that live
// are packed together, and everything older is dropped. Nobody minds a pipe that
// is closed late. A listener that is closed late would still be connected to, so
// what is held for services is replaced as a whole whenever it changes: there is
// never a moment in which something is told to be closed and is not.
//
// What is dropped from a shelf is closed by the kernel in our thread, which may
// wait for what others have made (discard.go); so it never is the last copy: ours
// is open until afterwards.
type custody struct {
	// life is the connection to the holder, and pid the holder, if it is our child.
	life int
	key  uint64
	pid  int

	runs, services shelf
	// batch is the last one that was put there.
	batch uint64
	// records are how many runs are on their shelf, those that are over included,
	// and fresh how many since they were last packed.
	records, fresh int
	// closing are closed once their copies on the shelf are.
	closing []int
	// dirty: what is held for services is not as on the shelf. full has been said.
	dirty, full bool
}

// slack is how much may lie about before it is worth tidying.
const slack = 64

// park puts an incarnation into custody, anew if it was there.
func (h *helper) park(inc *incarnation) {
	c := h.custody
	if c == nil {
		h.regain()
		return
	}
	p := &parcel{}
	p.addRun(inc)
	if err := c.runs.add(p); err != nil {
		h.pack()
		return
	}
	c.records++
	c.fresh++
	h.tidyCustody()
}

// tidyCustody packs what is worth it. It costs as much as there is, and comes
// once for as many parcels, so that the cost of each is bounded.
func (h *helper) tidyCustody() {
	c := h.custody
	if c == nil {
		return
	}
	live := len(h.incarnations)
	dead := c.records - live
	switch {
	case live == 0 && c.records > 0, max(dead, len(c.closing)) > live+slack, c.fresh > slack && c.runs.crowded():
		h.pack()
	}
}

// pack puts all incarnations into as few parcels as can be.
func (h *helper) pack() {
	c := h.custody
	var all []*incarnation
	for _, inc := range h.incarnations {
		if inc.state == running {
			all = append(all, inc)
		}
	}
	parcels := pack(all, func(inc *incarnation) int { return len(parkable) }, (*parcel).addRun)
	h.parked(c.runs.replace(parcels))
	c.records, c.fresh = len(all), 0
	h.discard(c.closing)
	c.closing = nil
}

// shelve puts all that is held for services into custody.
func (h *helper) shelve() {
	c := h.custody
	if c == nil {
		return
	}
	c.dirty = false
	c.batch++
	var all []*holding
	for _, l := range h.holdings {
		if len(l.sockets)+len(l.kept) > 0 {
			all = append(all, l)
		}
	}
	if len(all) == 0 && c.services.count == 0 {
		return
	}
	parcels := pack(all, (*holding).size, (*parcel).addService)
	for i, p := range parcels {
		p.Batch, p.Last = c.batch, i == len(parcels)-1
	}
	h.parked(c.services.replace(parcels))
}

// parked says it once if there is no room.
func (h *helper) parked(err error) {
	if err == nil || h.custody.full {
		return
	}
	h.custody.full = true
	fmt.Fprintf(os.Stderr, "sysg-exec: not everything of what runs would outlive a death of both daemons (net.core.wmem_max bounds how much can be kept): %v\n", err)
}

// dropped closes what is not held for a service any more, in custody first.
func (h *helper) dropped(fds []int) {
	if len(fds) > 0 {
		h.shelve()
		h.discard(fds)
	}
}

// changed is called when something is held for a service that was not. It comes
// into custody before anybody is told.
func (h *helper) changed() {
	if h.custody != nil {
		h.custody.dirty = true
	}
}

// settle puts into custody what has changed.
func (h *helper) settle() {
	if h.custody != nil && h.custody.dirty {
		h.shelve()
	}
}

func (p *parcel) addRun(inc *incarnation) {
	run := parkedRun{Incarnation: inc.record.Launch.Incarnation, PID: inc.record.PID}
	for i, fd := range inc.all() {
		if fd >= 0 {
			run.Has += parkable[i : i+1]
			p.fds = append(p.fds, fd)
		}
	}
	p.Runs = append(p.Runs, run)
}

// all are the descriptors that outlive us, in the order of parkable.
func (i *incarnation) all() [len(parkable)]int {
	return [...]int{i.pidfd, i.outputs[0], i.outputs[1], i.notifyFD, i.readyFD}
}

func (l *holding) size() int { return len(l.sockets) + len(l.kept) }

func (p *parcel) addService(l *holding) {
	service := parkedService{Project: l.project, Service: l.service}
	for _, one := range l.sockets {
		service.Sockets = append(service.Sockets, one.Socket)
		p.fds = append(p.fds, one.fd)
	}
	for _, one := range l.kept {
		service.Kept = append(service.Kept, one.name)
		p.fds = append(p.fds, one.fd)
	}
	p.Services = append(p.Services, service)
}
