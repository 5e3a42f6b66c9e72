package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"

	"systemg.org/sysg/pkg/api"
)

// Generations are the stored generations of a project, oldest first.
func (s *Supervisor) Generations(ctx context.Context, _ api.Caller, params api.Generations) ([]api.Installed, error) {
	current := 0
	err := s.consult(ctx, func() error {
		if p := s.projects[params.Project]; p != nil {
			current = p.generation.Number
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	stored, err := s.generations.List(params.Project)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, unknownProject(params.Project)
	}
	all := []api.Installed{}
	for _, entry := range stored {
		all = append(all, api.Installed{
			Number: entry.Number, InstalledAt: timestamp(entry.Installed), Hash: entry.Hash, Manifest: entry.Manifest,
			Active: entry.Active, Current: entry.Number == current, Services: entry.Services,
		})
	}
	return all, err
}

// Standing is how a project stands. A project that was never started stands as
// one whose services are all down.
func (s *Supervisor) Standing(ctx context.Context, _ api.Caller, params api.StandingOf) (api.Standing, error) {
	standing := api.Standing{Project: params.Project, Services: []api.ServiceStanding{}}
	err := s.consult(ctx, func() error {
		p := s.projects[params.Project]
		if p == nil {
			return unknownProject(params.Project)
		}
		text, err := json.Marshal(p.generation)
		standing.Generation = text
		for _, name := range p.names {
			v := p.services[name]
			node := v.node()
			standing.Services = append(standing.Services, api.ServiceStanding{
				Service: name, Phase: string(v.state), Wanted: v.wanted, Outdated: node.Outdated, Scheduled: node.Cron,
			})
		}
		return err
	})
	return standing, err
}
