package server

import (
	"systemg.org/sysg/pkg/api"
)

func identify(c *call) (any, error) {
	if _, err := parameters[struct{}](c); err != nil {
		return nil, err
	}
	identity, err := c.server.supervisor.Identify(c.ctx)
	identity.Version, identity.State = c.server.options.Version, c.server.options.State
	return api.Reply{Identity: &identity}, err
}

func survey(c *call) (any, error) {
	if _, err := parameters[struct{}](c); err != nil {
		return nil, err
	}
	found, err := c.server.supervisor.Survey(c.ctx, c.caller)
	return api.Reply{Survey: &found}, err
}

func forget(c *call) (any, error) {
	p, err := parameters[api.Forget](c)
	if err != nil {
		return nil, err
	}
	result, err := c.server.supervisor.Forget(c.ctx, c.caller, p)
	return api.Reply{Result: &result}, err
}
