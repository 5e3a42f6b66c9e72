package client

import (
	"context"
	"errors"

	"systemg.org/sysg/pkg/api"
)

// Start starts services; each gets progress and, in the foreground, output.
func (c *Conn) Start(ctx context.Context, p api.Start, each func(api.Reply) error) (api.Result, error) {
	return c.mutate(ctx, api.MethodStart, p, each)
}

// Stop stops services and returns when they are stopped.
func (c *Conn) Stop(ctx context.Context, p api.Stop, each func(api.Reply) error) (api.Result, error) {
	return c.mutate(ctx, api.MethodStop, p, each)
}

// Restart restarts services and returns when they are ready or have failed.
func (c *Conn) Restart(ctx context.Context, p api.Restart, each func(api.Reply) error) (api.Result, error) {
	return c.mutate(ctx, api.MethodRestart, p, each)
}

// Shutdown stops everything and ends both daemons.
func (c *Conn) Shutdown(ctx context.Context, each func(api.Reply) error) (api.Result, error) {
	return c.mutate(ctx, api.MethodShutdown, nil, each)
}

func (c *Conn) mutate(ctx context.Context, method string, p any, each func(api.Reply) error) (api.Result, error) {
	if start, ok := p.(api.Start); !ok || !start.Foreground { // that one takes as long as its services
		watched, stop := c.watched(ctx)
		defer stop()
		ctx = watched
	}
	reply, err := c.Call(ctx, method, p, each)
	if err != nil {
		return api.Result{}, err
	}
	if reply.Result == nil {
		return api.Result{}, errors.New("cannot understand the supervisor: no result in its reply")
	}
	return *reply.Result, nil
}

// Status returns the state of services.
func (c *Conn) Status(ctx context.Context, p api.Status) (api.Snapshot, error) {
	reply, err := c.Call(ctx, api.MethodStatus, p, nil)
	if err != nil {
		return api.Snapshot{}, err
	}
	if reply.Snapshot == nil {
		return api.Snapshot{}, errors.New("cannot understand the supervisor: no snapshot in its reply")
	}
	return *reply.Snapshot, nil
}

// Why returns the chain of causes of a service's state.
func (c *Conn) Why(ctx context.Context, p api.Why) ([]api.Link, error) {
	reply, err := c.Call(ctx, api.MethodWhy, p, nil)
	return reply.Links, err
}

// Logs gives each the lines of a service's log until it ends or, with Follow,
// until ctx ends.
func (c *Conn) Logs(ctx context.Context, p api.Logs, each func(api.Line) error) error {
	_, err := c.Call(ctx, api.MethodLogs, p, func(reply api.Reply) error {
		if reply.Line == nil {
			return nil
		}
		return each(*reply.Line)
	})
	return err
}

// Info says who answers.
func (c *Conn) Info(ctx context.Context) (api.Info, error) {
	if c.info == nil {
		// The question goes ahead of any first call; this one asks nothing else.
		if _, err := c.Call(ctx, api.MethodGetInfo, nil, nil); err != nil {
			return api.Info{}, err
		}
	}
	return *c.info, nil
}

// Hold waits until the daemon closes the connection, as it does when it ends,
// or until ctx ends.
func (c *Conn) Hold(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { _ = c.stream.Close() })
	defer stop()
	c.patience(0)
	for {
		if _, err := c.reader.Next(); err != nil {
			return
		}
	}
}
