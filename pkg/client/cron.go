package client

import (
	"context"

	"systemg.org/sysg/pkg/api"
)

// Cron returns the schedules of scheduled units.
func (c *Conn) Cron(ctx context.Context, p api.CronQuery) ([]api.CronUnit, error) {
	reply, err := c.Call(ctx, api.MethodCron, p, nil)
	return reply.Crons, err
}

// CronRun runs a scheduled unit now.
func (c *Conn) CronRun(ctx context.Context, p api.CronRunNow, each func(api.Reply) error) (api.Result, error) {
	return c.mutate(ctx, api.MethodCronRun, p, each)
}
