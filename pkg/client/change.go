package client

import (
	"context"
	"errors"

	"systemg.org/sysg/pkg/api"
)

// Generations returns the stored generations of a project, oldest first.
func (c *Conn) Generations(ctx context.Context, project string) ([]api.Installed, error) {
	reply, err := c.Call(ctx, api.MethodGenerations, api.Generations{Project: project}, nil)
	return reply.Generations, err
}

// Standing returns how a project stands.
func (c *Conn) Standing(ctx context.Context, project string) (api.Standing, error) {
	reply, err := c.Call(ctx, api.MethodStanding, api.StandingOf{Project: project}, nil)
	if err == nil && reply.Standing == nil {
		err = errors.New("cannot understand the supervisor: no standing in its reply")
	}
	if err != nil {
		return api.Standing{}, err
	}
	return *reply.Standing, nil
}
