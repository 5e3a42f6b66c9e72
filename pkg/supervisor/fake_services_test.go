package supervisor

import (
	"time"

	"systemg.org/sysg/pkg/generation"
)

// plain is a service with the defaults of a manifest.
func plain(name string, change ...func(*generation.Service)) generation.Service {
	service := generation.Service{
		Name: name, Hash: name + "-1", Command: name,
		Restart: generation.Restart{
			Policy: generation.OnFailure, Backoff: 5 * time.Second, MaxBackoff: 5 * time.Minute, MaxRestarts: 8,
			RetryAfter: 15 * time.Minute, StableAfter: time.Minute,
		},
		Success: []generation.Exit{{}},
		Stop:    generation.Stop{Signal: 15, Timeout: 10 * time.Second},
		Ready:   generation.Ready{By: generation.ByStable, StableFor: 250 * time.Millisecond, Timeout: 5 * time.Minute},
	}
	for _, f := range change {
		f(&service)
	}
	return service
}

func on(name string, condition generation.Condition) func(*generation.Service) {
	return func(s *generation.Service) {
		s.DependsOn = append(s.DependsOn, generation.Dependency{Service: name, Condition: condition})
	}
}

func policy(p generation.Policy) func(*generation.Service) {
	return func(s *generation.Service) { s.Restart.Policy = p }
}

func checked(probe generation.Probe) func(*generation.Service) {
	return func(s *generation.Service) {
		s.Ready.By, s.Health = generation.ByHealth, &probe
	}
}
