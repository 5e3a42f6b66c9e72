package client

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"systemg.org/sysg/pkg/api"
)

// StatusText is Status as the daemon wrote it, for who only passes it on.
func (c *Conn) StatusText(ctx context.Context, p api.Status) ([]byte, error) {
	stop := context.AfterFunc(ctx, func() { _ = c.stream.Close() })
	defer stop()
	var reply struct {
		Snapshot json.RawMessage `json:"snapshot"`
	}
	err := c.ask(api.MethodStatus, p, false)
	if err == nil {
		_, err = c.receive(&reply)
	}
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return reply.Snapshot, err
}

// Watch gives each a snapshot again and again, until each fails or ctx ends.
func (c *Conn) Watch(ctx context.Context, p api.Status, each func(api.Snapshot) error) error {
	c.AnswerWithin += time.Duration(p.StreamMillis) * time.Millisecond
	_, err := c.Call(ctx, api.MethodStatus, p, func(reply api.Reply) error {
		if reply.Snapshot == nil {
			return errors.New("cannot understand the supervisor: no snapshot in its reply")
		}
		return each(*reply.Snapshot)
	})
	return err
}

// Inspect returns one service in full; with StreamMillis each gets it again and
// again, until each fails or ctx ends.
func (c *Conn) Inspect(ctx context.Context, p api.Inspect, each func(api.Inspection) error) (api.Inspection, error) {
	c.AnswerWithin += time.Duration(p.StreamMillis) * time.Millisecond
	var pass func(api.Reply) error
	if each != nil {
		pass = func(reply api.Reply) error {
			if reply.Inspection == nil {
				return errors.New("cannot understand the supervisor: no inspection in its reply")
			}
			return each(*reply.Inspection)
		}
	}
	reply, err := c.Call(ctx, api.MethodInspect, p, pass)
	if err != nil {
		return api.Inspection{}, err
	}
	if reply.Inspection == nil {
		return api.Inspection{}, errors.New("cannot understand the supervisor: no inspection in its reply")
	}
	return *reply.Inspection, nil
}

// Events gives each one event after another until there is no more or, with
// Follow, until ctx ends.
func (c *Conn) Events(ctx context.Context, p api.Events, each func(api.Event) error) error {
	_, err := c.Call(ctx, api.MethodEvents, p, func(reply api.Reply) error {
		if reply.Event == nil {
			return nil
		}
		return each(*reply.Event)
	})
	return err
}
