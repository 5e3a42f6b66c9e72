package client

import (
	"context"
	"errors"

	"systemg.org/sysg/pkg/api"
)

// Identify says which supervisor answers.
func (c *Conn) Identify(ctx context.Context) (api.Identity, error) {
	reply, err := c.Call(ctx, api.MethodIdentify, nil, nil)
	if err == nil && reply.Identity == nil {
		err = errors.New("cannot understand the supervisor: no identity in its reply")
	}
	if err != nil {
		return api.Identity{}, err
	}
	return *reply.Identity, nil
}

// Survey is all that the supervisor believes to live.
func (c *Conn) Survey(ctx context.Context) (api.Survey, error) {
	reply, err := c.Call(ctx, api.MethodSurvey, nil, nil)
	if err == nil && reply.Survey == nil {
		err = errors.New("cannot understand the supervisor: no survey in its reply")
	}
	if err != nil {
		return api.Survey{}, err
	}
	return *reply.Survey, nil
}

// Forget drops a project that is stopped.
func (c *Conn) Forget(ctx context.Context, p api.Forget) error {
	_, err := c.mutate(ctx, api.MethodForget, p, nil)
	return err
}
