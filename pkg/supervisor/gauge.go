package supervisor

import (
	"context"
	"slices"
	"time"

	"systemg.org/sysg/pkg/metrics"
)

// A service is measured where its manifest has metrics, and while somebody
// watches it. Where neither is so there is no time to wake up for.

// watchPause is the time between two samples of what is watched.
const watchPause = time.Second

// watcher is somebody who watches services.
type watcher struct {
	project  string   // "" for all
	services []string // none for all
}

func (w *watcher) sees(v *service) bool {
	return (w.project == "" || w.project == v.project.generation.Project) && (len(w.services) == 0 || slices.Contains(w.services, v.config.Name))
}

// observe has services measured until the end of it is called.
func (s *Supervisor) observe(project string, services []string) (end func()) {
	w := &watcher{project, services}
	s.inbox.post(func() { s.watchers[w] = true })
	return func() { s.inbox.post(func() { delete(s.watchers, w) }) }
}

// sample has those services measured whose time it is.
func (s *Supervisor) sample() {
	now := time.Now()
	if now.Before(s.sampleAt) && len(s.watchers) == 0 {
		s.wakeAt(s.sampleAt)
		return
	}
	var jobs []metrics.Job
	next := time.Time{}
	for _, p := range s.projects {
		if !p.metered && len(s.watchers) == 0 {
			continue
		}
		for _, v := range p.services {
			due := s.sampleDue(v)
			if due.IsZero() {
				continue
			}
			if !due.After(now) {
				v.sampled = now
				jobs = append(jobs, v.job())
				due = s.sampleDue(v)
			}
			if next.IsZero() || due.Before(next) {
				next = due
			}
		}
	}
	if len(jobs) > 0 {
		s.meter.Take(jobs)
	}
	if s.sampleAt = next; !next.IsZero() {
		s.wakeAt(next)
	}
}

// sampleDue is when a service is to be measured next, zero for never.
func (s *Supervisor) sampleDue(v *service) time.Time {
	if v.run == nil || v.run.pid == 0 || v.run.exited != nil {
		return time.Time{}
	}
	pause := time.Duration(0)
	if policy := v.config.Metrics; policy != nil {
		pause = policy.Interval
	}
	for w := range s.watchers {
		if (pause == 0 || watchPause < pause) && w.sees(v) {
			pause = watchPause
		}
	}
	if pause == 0 {
		return time.Time{}
	}
	// A run that has just begun has used no time, or all of it, and no memory yet.
	first := min(pause, watchPause)
	if age := s.now().Sub(v.run.started); age >= 0 && age < first {
		return v.run.started.Add(first)
	}
	return v.sampled.Add(pause)
}

func (v *service) job() metrics.Job {
	return metrics.Job{
		Project: v.project.generation.Project, Service: v.config.Name, Incarnation: v.run.incarnation,
		Began: v.run.started, Target: v.run.target(), Policy: v.config.Metrics,
	}
}

func (r *run) target() metrics.Target { return metrics.Target{PID: r.pid, Cgroup: r.cgroup} }

// every calls show now and again after each pause, until it fails or ctx ends.
func every(ctx context.Context, pause time.Duration, show func() error) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if err := show(); err != nil {
			return err
		}
		timer.Reset(pause)
	}
}
