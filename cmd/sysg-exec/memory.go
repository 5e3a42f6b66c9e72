package main

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// Go's fork waits for the execve of its child in a system call that the
// scheduler does not know of, and a collector that starts meanwhile stops the
// program until that call returns. A child can hang there on a dead file
// system, and it is the loop that would have to kill it. So the collector
// never starts by itself: the loop runs it when nobody forks. TestHangingLaunch
// holds this.

const (
	// collectAfter is how much is allocated between two collections, in bytes.
	collectAfter = 8 << 20
	// stallAfter is how much may be allocated while a launcher forks, before
	// the loop stops to answer and waits for it.
	stallAfter = 256 << 20
	// returnAfter is how much has to have been allocated for a collection to
	// be worth giving what it frees back to the kernel.
	returnAfter = 32 << 20
)

// holdCollector turns the collector's own decisions off.
func holdCollector() {
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(math.MaxInt64)
}

// memory counts what was allocated since the last collection.
type memory struct {
	sample    [1]metrics.Sample
	collected uint64
	// forks is held for reading by whoever forks, and for writing by the
	// collector. A launcher that hangs while it prepares holds up nobody.
	forks sync.RWMutex
}

func newMemory() *memory {
	return &memory{sample: [1]metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}}
}

func (m *memory) allocated() uint64 {
	metrics.Read(m.sample[:])
	return m.sample[0].Value.Uint64() - m.collected
}

// collect collects if there is enough. It says false if it could not, for a
// fork, and there is so much that it has to.
func (m *memory) collect() bool {
	allocated := m.allocated()
	if allocated < collectAfter {
		return true
	}
	if !m.forks.TryLock() {
		return allocated < stallAfter
	}
	defer m.forks.Unlock()
	if allocated < returnAfter {
		runtime.GC()
	} else {
		debug.FreeOSMemory()
	}
	m.collected += m.allocated()
	return true
}
