package main

import (
	"fmt"
	"log/slog"
	"os"

	"systemg.org/sysg/pkg/paths"
)

// pidFile writes our number where scripts for the older program look for it. It
// decides nothing, whose the state is says the lock; so a full disk is no reason
// not to go on. Calling the result removes it.
func pidFile(state string, log *slog.Logger) (remove func()) {
	path := paths.PidFile(state)
	if err := os.WriteFile(path, fmt.Appendf(nil, "%d\n", os.Getpid()), 0o600); err != nil {
		log.Warn("Cannot write the pid file, ignoring", "error", err)
	}
	return func() { _ = os.Remove(path) }
}
