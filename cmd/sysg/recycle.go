package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
	"systemg.org/sysg/pkg/version"
)

// recycle replaces a supervisor of another version by one of ours. Services run
// on meanwhile: they are sysg-exec's, and the new supervisor takes them over.
func (a *app) recycle(ctx context.Context, conn *client.Conn) (*client.Conn, error) {
	old := a.supervisor
	a.warn(fmt.Sprintf("the supervisor is of version %s; replacing it by %s", old.Version, version.Version))
	failed := func(why string) error {
		return &api.Diagnostic{
			Code: api.CodeRecycle, Title: "the supervisor could not be replaced: " + why,
			Help: []api.Help{{Label: "see why", Command: "sysg logs --supervisor"}},
		}
	}
	// It holds the lock, so that the number is no other's.
	if a.instance.supervisorPID() != old.PID {
		return nil, failed(fmt.Sprintf("process %d does not hold the lock", old.PID))
	}
	if err := syscall.Kill(old.PID, syscall.SIGTERM); err != nil {
		return nil, failed(err.Error())
	}
	waited, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	conn.Hold(waited)
	if waited.Err() != nil {
		return nil, failed(fmt.Sprintf("it has not ended within %s", farewell.Round(time.Second)))
	}
	fresh, err := a.raise(ctx)
	if err != nil {
		return nil, failed(err.Error())
	}
	return fresh, nil
}
