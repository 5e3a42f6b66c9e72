package supervisor

import (
	"context"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/machine"
)

// Rest stops everything in order, since the service manager stops the
// supervisor: an administrator asked for that, or the machine goes down. What
// was wanted stays so, for the next boot; until then nothing starts by itself.
// patience is told again and again how long the next step may take.
func (s *Supervisor) Rest(ctx context.Context, patience func(time.Duration)) error {
	var longest time.Duration
	emit := func(api.Reply) error { patience(longest); return nil }
	_, err := s.perform(ctx, emit, func() (*op, error) {
		s.resting = true
		longest = s.longestStop()
		patience(longest)
		return s.layDown(), nil
	})
	return err
}

func (s *Supervisor) layDown() *op {
	cause := machine.Cause{Kind: machine.ByRequest, Text: "the service manager stops the supervisor"}
	var targets []*service
	wishes := map[*project]uint64{}
	for _, p := range s.projects {
		for _, v := range p.services {
			v.resting = v.resting || v.wanted
			v.wanted, v.again, v.wish = false, false, cause
			targets = append(targets, v)
		}
		s.touch(p)
		wishes[p] = p.seq
	}
	return &op{
		wishes:   wishes,
		concerns: func(*service) bool { return true },
		finished: func() (api.Result, bool) {
			result, done := stopped(targets, "")
			return result, done && (!result.OK || s.vacant())
		},
	}
}

// margin is what a step may take beside the time that its service is given.
const margin = 15 * time.Second

// longestStop is how long the stop of one service may take at most: its own
// time, and that of its hooks.
func (s *Supervisor) longestStop() time.Duration {
	var longest time.Duration
	for _, p := range s.projects {
		for _, v := range p.services {
			limit := v.config.Stop.Timeout
			for _, hook := range v.config.Hooks {
				limit += hook.Timeout
			}
			longest = max(longest, limit)
		}
	}
	return longest + margin
}
