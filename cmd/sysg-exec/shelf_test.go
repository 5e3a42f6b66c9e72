package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/grant"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// keeper is a helper with a custody and nothing else. The room is what an
// unprivileged one has.
func keeper(t *testing.T) *helper {
	t.Helper()
	var ends [4]int
	for n := 0; n < 4; n += 2 {
		var err error
		if ends[n], ends[n+1], err = sys.PacketPair(); err != nil {
			t.Fatal(err)
		}
		// Twice as much as is asked for (socket(7)), the default of net.core.wmem_max.
		if err := unix.SetsockoptInt(ends[n], unix.SOL_SOCKET, unix.SO_SNDBUF, 212992); err != nil {
			t.Fatal(err)
		}
	}
	h := &helper{incarnations: map[string]*incarnation{}, holdings: map[owner]*holding{}, custody: &custody{
		life: -1, runs: shelf{put: ends[0], take: ends[1]}, services: shelf{put: ends[2], take: ends[3]},
	}}
	t.Cleanup(func() {
		for _, inc := range h.incarnations {
			sys.CloseAll(inc.outputs[:])
		}
		sys.CloseAll(ends[:])
	})
	return h
}

// runs adds one that has pipes.
func (h *helper) runs(t *testing.T) *incarnation {
	t.Helper()
	inc := makeIncarnation(spec.Record{Launch: spec.Launch{Incarnation: newIncarnation()}, PID: 4711}, grant.Granted{})
	inc.state = running
	for n := range inc.outputs {
		read, write, err := sys.LogPipe()
		if err != nil {
			t.Fatal(err)
		}
		inc.outputs[n] = read
		sys.CloseAll([]int{write})
	}
	h.incarnations[inc.record.Launch.Incarnation] = inc
	return inc
}

// ends is what forget does to custody.
func (h *helper) ends(inc *incarnation) {
	delete(h.incarnations, inc.record.Launch.Incarnation)
	sys.CloseAll(inc.outputs[:])
	h.tidyCustody()
}

// complete fails the test unless a helper that came now would find all that lives,
// and every pipe the very one.
func (h *helper) complete(t *testing.T) {
	t.Helper()
	c := &custody{runs: h.custody.runs, services: h.custody.services}
	found, err := h.lookInto(c)
	if err != nil {
		t.Fatal(err)
	}
	if c.runs.count != h.custody.runs.count {
		t.Fatalf("there are %d parcels, not %d", c.runs.count, h.custody.runs.count)
	}
	for id, inc := range h.incarnations {
		one, kept := found.runs[id]
		if !kept || one.pid != 4711 || one.fds[0] != -1 || inode(t, one.fds[1]) != inode(t, inc.outputs[0]) || inode(t, one.fds[2]) != inode(t, inc.outputs[1]) {
			t.Fatalf("%s was found as %+v", id, one)
		}
	}
	for _, one := range found.runs {
		found.drop(one)
	}
	found.dropParcels(found.services)
	h.discard(found.rest)
}

// A thousand runs, as somebody without privilege has room for: each costs one
// message, now and then all are packed, and all come back.
func TestAThousandRunsAreInCustody(t *testing.T) {
	h := keeper(t)
	var all []*incarnation
	for range 1000 {
		all = append(all, h.runs(t))
	}
	for _, inc := range all { // They come one by one.
		delete(h.incarnations, inc.record.Launch.Incarnation)
	}
	size, _ := sys.SendBuffer(h.custody.runs.put)
	before := time.Now()
	for n, inc := range all {
		h.incarnations[inc.record.Launch.Incarnation] = inc
		h.park(inc)
		// There is always room for all that live beside what is there.
		if used, _ := sys.QueuedBytes(h.custody.runs.put); n%100 == 0 && used > size*3/4 {
			t.Errorf("after %d runs %d of %d bytes are in use", n+1, used, size)
		}
	}
	parked := time.Since(before)
	h.complete(t)
	before = time.Now()
	h.complete(t)
	looked := time.Since(before)
	before = time.Now()
	h.pack()
	packed := time.Since(before)
	used, _ := sys.QueuedBytes(h.custody.runs.put)
	t.Logf("1000 runs: parked in %s, found again in %s, packed in %s into %d parcels and %d bytes", parked, looked, packed, h.custody.runs.count, used)
	if h.custody.full {
		t.Error("there was no room for a thousand")
	}
	h.complete(t)
	// Nothing piles up, however many come and go.
	most := 0
	for n := range 3000 {
		inc := h.runs(t)
		h.park(inc)
		h.ends(inc)
		most = max(most, h.custody.runs.count)
		if n%500 == 0 {
			h.complete(t)
		}
	}
	if most > 1000+2*slack {
		t.Errorf("there were up to %d parcels of 1000 runs", most)
	}
	for id := range maps.Clone(h.incarnations) {
		h.ends(h.incarnations[id])
	}
	if h.custody.runs.count != 0 {
		t.Errorf("%d parcels are left of nothing", h.custody.runs.count)
	}
}

// There is no moment in which a kill would find less than all.
func TestPackingIsDoneBesideTheOldOnes(t *testing.T) {
	h := keeper(t)
	for range 10 {
		h.park(h.runs(t))
	}
	s := &h.custody.runs
	if err := s.addAll(pack(slices.Collect(maps.Values(h.incarnations)), func(*incarnation) int { return len(parkable) }, (*parcel).addRun)); err != nil {
		t.Fatal(err)
	}
	for s.count > 1 {
		h.complete(t)
		s.remove(1)
	}
	h.complete(t)
}

// Where there is no room for all, that is said once, and what has room is kept;
// once others have ended, all is.
func TestAFullShelfIsNoFailure(t *testing.T) {
	h := keeper(t)
	if err := unix.SetsockoptInt(h.custody.runs.put, unix.SOL_SOCKET, unix.SO_SNDBUF, 8<<10); err != nil {
		t.Fatal(err)
	}
	for range 400 {
		h.park(h.runs(t))
	}
	if !h.custody.full {
		t.Fatal("there was room for 400 runs in 16 KiB")
	}
	for len(h.incarnations) > 20 {
		for _, inc := range h.incarnations {
			h.ends(inc)
			break
		}
	}
	for range 2 * slack {
		inc := h.runs(t)
		h.park(inc)
		h.ends(inc)
	}
	h.complete(t)
}

// What is held for services is as it is at every moment; what was begun and not
// finished does not count.
func TestServicesOnTheShelf(t *testing.T) {
	h := keeper(t)
	found := func() string {
		c := &custody{runs: h.custody.runs, services: h.custody.services}
		f, err := h.lookInto(c)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, p := range f.services {
			for _, s := range p.Services {
				names = append(names, fmt.Sprintf("%s:%d+%s", s.Service, len(s.Sockets), strings.Join(s.Kept, "+")))
			}
		}
		f.dropParcels(f.services)
		h.discard(f.rest)
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	fd := int(null.Fd())
	want(t, "nothing", found(), "")
	for _, name := range []string{"a", "b"} {
		h.holdings[owner{"p", name}] = &holding{owner: owner{"p", name}, sockets: []held{{Socket: generation.Socket{Name: "x"}, fd: fd}}}
	}
	h.holdings[owner{"p", "a"}].kept = []stored{{name: "state", fd: fd}}
	h.changed()
	h.settle()
	want(t, "two", found(), "a:1+state b:1+")
	delete(h.holdings, owner{"p", "b"})
	h.dropped([]int{})
	want(t, "nothing was dropped", found(), "a:1+state b:1+")
	h.shelve()
	want(t, "one", found(), "a:1+state")
	// A kill in the middle of the next batch.
	if err := h.custody.services.add(&parcel{Batch: 99, Services: []parkedService{{Service: "c"}}}); err != nil {
		t.Fatal(err)
	}
	want(t, "an unfinished batch", found(), "a:1+state")
	// A helper of another version.
	if err := sys.PutPacket(h.custody.services.put, []byte(`{"version":2,"what":"ever"}`), []int{fd}); err != nil {
		t.Fatal(err)
	}
	h.custody.services.count++
	want(t, "another version", found(), "a:1+state")
	clear(h.holdings)
	h.shelve()
	want(t, "all gone", found(), "")
	if _, err := sys.QueuedBytes(h.custody.services.put); err != nil || h.custody.services.count != 0 {
		t.Errorf("%d parcels are left: %v", h.custody.services.count, err)
	}
}
