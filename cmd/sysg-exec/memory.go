package main

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// Go's fork waits for the execve of its child in a system call that the
// scheduler does not know of, and a collector that starts meanwhile stops the
// program until that call returns. A child can hang there on a dead file
// system, and it is the loop that would have to kill it. So the collector
// never starts by itself: the loop runs it when no launch is in flight.
// TestHangingLaunch holds this.

const (
	// collectAfter is how much is allocated between two collections, in bytes.
	collectAfter = 8 << 20
	// stallAfter is how much may be allocated while a launch is in flight,
	// before the loop stops to answer and waits for the launch.
	stallAfter = 256 << 20
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
}

func newMemory() *memory {
	return &memory{sample: [1]metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}}
}

func (m *memory) allocated() uint64 {
	metrics.Read(m.sample[:])
	return m.sample[0].Value.Uint64() - m.collected
}

// collect collects if there is enough; no launch may be in flight.
func (m *memory) collect() {
	if m.allocated() >= collectAfter {
		runtime.GC()
		m.collected += m.allocated()
	}
}

func (m *memory) mustStall() bool { return m.allocated() >= stallAfter }
