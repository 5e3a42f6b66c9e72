package client

import (
	"context"
	"errors"

	"systemg.org/sysg/pkg/api"
)

// ClearLogs removes what a service's log holds, or its oldest files.
func (c *Conn) ClearLogs(ctx context.Context, p api.ClearLogs) (api.Cleared, error) {
	reply, err := c.Call(ctx, api.MethodClearLogs, p, nil)
	if err == nil && reply.Cleared == nil {
		err = errors.New("cannot understand the supervisor: it does not say what was cleared")
	}
	if err != nil {
		return api.Cleared{}, err
	}
	return *reply.Cleared, nil
}
