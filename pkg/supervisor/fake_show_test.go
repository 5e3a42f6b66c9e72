package supervisor

import (
	"fmt"
	"sync"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/metrics"
)

// paper is a journal in memory. It outlives supervisors.
type paper struct {
	mu     sync.Mutex
	events []api.Event
}

func (p *paper) Append(event api.Event) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	event.Sequence = len(p.events) + 1
	p.events = append(p.events, event)
	return event.Sequence
}

func (p *paper) Read(each func(api.Event) bool) error {
	p.mu.Lock()
	events := p.events[:len(p.events):len(p.events)]
	p.mu.Unlock()
	for _, event := range events {
		if !each(event) {
			return nil
		}
	}
	return nil
}

// stillness is a kernel in which all that should live does, and uses half a
// processor and a megabyte. Pids in dead are gone, those in zombies not reaped.
type stillness struct {
	mu            sync.Mutex
	dead, zombies map[int]bool
}

func (k *stillness) Look(t metrics.Target) metrics.Look {
	k.mu.Lock()
	defer k.mu.Unlock()
	look := metrics.Look{At: time.Now(), Condition: metrics.Running, Memory: 1 << 20, UID: 4294967000}
	switch {
	case k.dead[t.PID]:
		look.Condition = metrics.Missing
	case k.zombies[t.PID]:
		look.Condition = metrics.Zombie
	}
	look.CPU = uint64(time.Since(genesis).Microseconds() / 2)
	return look
}

// genesis is when the time of a bubble begins.
var genesis = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (k *stillness) Thoroughly(t metrics.Target) metrics.Look { return k.Look(t) }

func (k *stillness) Processes(t metrics.Target) []metrics.Process {
	return []metrics.Process{{Stat: metrics.Stat{PID: t.PID, Name: "main", State: 'S'}}}
}

func (k *stillness) Machine() api.System { return api.System{CPUs: 2, MemoryTotal: 1 << 30} }

// gauge notes when it was asked to measure what.
type gauge struct {
	mu    sync.Mutex
	taken []string
	kept  map[string][]api.Sample
}

func (g *gauge) Take(jobs []metrics.Job) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, job := range jobs {
		g.taken = append(g.taken, fmt.Sprintf("%s at %s", job.Service, time.Since(genesis)))
		if g.kept == nil {
			g.kept = map[string][]api.Sample{}
		}
		g.kept[job.Service] = append(g.kept[job.Service], api.Sample{Timestamp: time.Now(), CPU: 12.5, Count: 1})
	}
}

func (g *gauge) Forget(_, service string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.kept, service)
}

func (g *gauge) Samples(_, service string, _ int) []api.Sample {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.kept[service]
}

func (g *gauge) Summary(_, service, _ string) (api.Metrics, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := len(g.kept[service])
	return api.Metrics{LatestCPU: 12.5, Samples: n}, n > 0
}

// took is how often something was measured since the last call.
func (g *gauge) took() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := len(g.taken)
	g.taken = nil
	return n
}
