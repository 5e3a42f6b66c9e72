package supervisor

import (
	"context"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/metrics"
)

// glance is the time between the two looks from which a rate is told where
// nothing was measured before.
const glance = 250 * time.Millisecond

// Inspect is one service in full. With a time for a stream it is emitted again
// and again until ctx ends, and the service is measured meanwhile.
func (s *Supervisor) Inspect(ctx context.Context, by api.Caller, params api.Inspect, emit func(api.Reply) error) (api.Inspection, error) {
	if params.StreamMillis == 0 {
		return s.inspect(ctx, by, params)
	}
	defer s.observe(params.Project, []string{params.Service})()
	var last api.Inspection
	err := every(ctx, time.Duration(params.StreamMillis)*time.Millisecond, func() error {
		var err error
		if last, err = s.inspect(ctx, by, params); err != nil {
			return err
		}
		return emit(api.Reply{Inspection: &last})
	})
	return last, err
}

func (s *Supervisor) inspect(ctx context.Context, by api.Caller, params api.Inspect) (api.Inspection, error) {
	inspection := api.Inspection{Samples: []api.Sample{}, Processes: []api.ProcessDetail{}, System: s.kernel.Machine()}
	snapshot, err := s.Status(ctx, by, api.Status{Project: params.Project, Services: []string{params.Service}, Detail: true})
	if err != nil {
		return inspection, err
	}
	unit := &snapshot.Units[0]
	inspection.Unit = unit
	if samples := s.meter.Samples(params.Project, params.Service, params.Samples); samples != nil {
		inspection.Samples = samples
	}
	if unit.Process == nil || unit.Process.State == string(metrics.Missing) {
		return inspection, nil
	}
	target := metrics.Target{PID: unit.Process.PID, Cgroup: unit.Cgroup}
	if len(inspection.Samples) == 0 {
		sample, err := s.once(ctx, target, unit, params.Live)
		if err != nil {
			return inspection, err
		}
		inspection.Samples = []api.Sample{sample}
	}
	inspection.Processes = details(s.kernel.Processes(target), inspection.System)
	return inspection, nil
}

// once is the one sample of a service that nobody has measured: of its whole
// run, or, live, of a moment that begins now.
func (s *Supervisor) once(ctx context.Context, target metrics.Target, unit *api.Unit, live bool) (api.Sample, error) {
	began, _ := time.Parse(time.RFC3339Nano, unit.Uptime.StartedAt)
	before := metrics.Look{At: began}
	if live {
		before = s.kernel.Thoroughly(target)
		timer := time.NewTimer(glance)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return api.Sample{}, ctx.Err()
		case <-timer.C:
		}
	}
	return metrics.Between(before, s.kernel.Thoroughly(target)), nil
}

// details are processes for people.
func details(processes []metrics.Process, system api.System) []api.ProcessDetail {
	now, names := time.Now(), userNames{}
	all := make([]api.ProcessDetail, 0, len(processes))
	for _, p := range processes {
		detail := api.ProcessDetail{
			Name: p.Name, PID: p.PID, ParentPID: p.Parent, Depth: p.Depth, User: names.of(p.UID),
			Priority: p.Priority, Nice: p.Nice, Virtual: p.Virtual, Resident: p.Resident, Shared: p.Shared,
			State: string(p.State), CPUMicros: p.CPU, StartedAt: timestamp(p.Began), Command: p.Command,
		}
		if age := now.Sub(p.Began).Seconds(); age > 0 {
			detail.CPU = float64(p.CPU) / 1e4 / age
		}
		if system.MemoryTotal > 0 {
			detail.Memory = float64(p.Resident) * 100 / float64(system.MemoryTotal)
		}
		all = append(all, detail)
	}
	return all
}
