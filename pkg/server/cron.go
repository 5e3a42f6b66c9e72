package server

import "systemg.org/sysg/pkg/api"

// cron answers with the schedules that are asked for.
func cron(c *call) (any, error) {
	p, err := parameters[api.CronQuery](c)
	if err != nil {
		return nil, err
	}
	if p.Next < 0 {
		return nil, invalid("next")
	}
	units, err := c.server.supervisor.Cron(c.ctx, c.caller, p)
	return api.Reply{Crons: units}, err
}
