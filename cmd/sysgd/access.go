package main

import (
	"context"
	"log/slog"
	"os/user"
	"strconv"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/paths"
	"systemg.org/sysg/pkg/server"
	"systemg.org/sysg/pkg/supervisor"
	"systemg.org/sysg/pkg/systemd"
)

// access is how callers of the system's instance are judged, nil in a user's.
func access(d directories, s *supervisor.Supervisor, log *slog.Logger) *server.Access {
	if !d.system {
		return nil
	}
	return &server.Access{
		Operators: operators(log),
		Closed:    s.Closed,
		Policy: func(ctx context.Context, by api.Caller, action string) bool {
			granted, err := systemd.Polkit(ctx, by.UID, by.PID, action)
			if err != nil {
				log.Debug("Polkit was not asked", "uid", by.UID, "action", action, "error", err)
			}
			return granted
		},
	}
}

// operators is the group of people who operate services, nil where there is none.
func operators(log *slog.Logger) *uint32 {
	group, err := user.LookupGroup(paths.Operators)
	if err == nil {
		number, parseErr := strconv.ParseUint(group.Gid, 10, 32)
		if err = parseErr; err == nil {
			id := uint32(number)
			return &id
		}
	}
	log.Warn("Nobody but root operates services", "error", err)
	return nil
}
