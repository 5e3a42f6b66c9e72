package server

import "systemg.org/sysg/pkg/api"

func clearLogs(c *call) (any, error) {
	p, err := parameters[api.ClearLogs](c)
	if err != nil {
		return nil, err
	}
	cleared, err := c.server.supervisor.ClearLogs(c.ctx, c.caller, p)
	return api.Reply{Cleared: &cleared}, err
}
