package metrics

import (
	"sync"
	"sync/atomic"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
)

// Meter keeps what was seen of services. Its methods may be called from any
// goroutine.
type Meter struct {
	kernel *Kernel
	// failed is told where a spillover cannot be written, once until it can.
	failed func(error)

	busy    atomic.Bool
	reading sync.WaitGroup
	spills  map[string]*spill // by folder; the reading goroutine's own

	mu     sync.Mutex
	series map[string]*series // by project/service
}

// NewMeter makes a meter that has seen nothing.
func NewMeter(kernel *Kernel, failed func(error)) *Meter {
	return &Meter{kernel: kernel, failed: failed, spills: map[string]*spill{}, series: map[string]*series{}}
}

// Job is one service to look at.
type Job struct {
	Project, Service string
	Incarnation      string
	Began            time.Time
	Target           Target
	// Policy is how it is measured, nil for while somebody watches.
	Policy *generation.Metrics
}

// watched is how long what was seen for a watcher is kept.
var watched = generation.Metrics{Retention: time.Hour, MaxMemory: 10 << 20}

// Take looks at services in the background. Where the last time is not over
// yet, this one is left out.
func (m *Meter) Take(jobs []Job) {
	if !m.busy.CompareAndSwap(false, true) {
		return
	}
	m.reading.Go(func() {
		defer m.busy.Store(false)
		m.take(jobs)
	})
}

// Close waits until nothing is being looked at.
func (m *Meter) Close() {
	m.reading.Wait()
	for _, spill := range m.spills {
		spill.close()
	}
}

func (m *Meter) take(jobs []Job) {
	for _, job := range jobs {
		look := m.kernel.Thoroughly(job.Target)
		if look.Condition == Missing {
			continue
		}
		sample := m.add(job, look)
		m.spill(job, sample)
	}
}

func (m *Meter) add(job Job, look Look) api.Sample {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := job.Project + "/" + job.Service
	s := m.series[key]
	if s == nil {
		s = newSeries()
		m.series[key] = s
	}
	policy := job.Policy
	if policy == nil {
		policy = &watched
	}
	sample := s.add(job.Incarnation, job.Began, look)
	share := policy.MaxMemory / sampleBytes / uint64(len(m.series))
	s.forget(look.At.Add(-policy.Retention), max(int(share), 2))
	return sample
}

// Samples are the newest that are kept of a service, at most so many (0 for
// all), oldest first.
func (m *Meter) Samples(project, service string, most int) []api.Sample {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.series[project+"/"+service]
	if s == nil {
		return nil
	}
	all := s.samples()
	if most > 0 && len(all) > most {
		all = all[len(all)-most:]
	}
	return all
}

// Summary is what is kept of an incarnation in short; without samples of it
// there is none.
func (m *Meter) Summary(project, service, incarnation string) (api.Metrics, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.series[project+"/"+service]
	if s == nil || s.incarnation != incarnation || len(s.raw) == 0 {
		return api.Metrics{}, false
	}
	last := s.raw[len(s.raw)-1]
	summary := api.Metrics{LatestCPU: last.CPU, LatestRSS: last.RSS}
	var span float64
	for _, sample := range s.samples() {
		summary.Samples++
		summary.AverageCPU += sample.CPU * sample.Span
		span += sample.Span
		summary.MaxCPU = max(summary.MaxCPU, sample.CPU)
		if sample.CPUMax != nil {
			summary.MaxCPU = max(summary.MaxCPU, *sample.CPUMax)
		}
	}
	if span > 0 {
		summary.AverageCPU /= span
	}
	return summary, true
}

// Forget drops what was seen of a service that is no more.
func (m *Meter) Forget(project, service string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.series, project+"/"+service)
}
