package server

import "systemg.org/sysg/pkg/api"

func generations(c *call) (any, error) {
	p, err := parameters[api.Generations](c)
	if err != nil {
		return nil, err
	}
	all, err := c.server.supervisor.Generations(c.ctx, c.caller, p)
	return api.Reply{Generations: all}, err
}

func standing(c *call) (any, error) {
	p, err := parameters[api.StandingOf](c)
	if err != nil {
		return nil, err
	}
	found, err := c.server.supervisor.Standing(c.ctx, c.caller, p)
	return api.Reply{Standing: &found}, err
}
