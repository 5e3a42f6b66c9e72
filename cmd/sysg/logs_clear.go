package main

import (
	"context"
	"fmt"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
	"systemg.org/sysg/pkg/logs"
	"systemg.org/sysg/pkg/paths"
)

// cleared is what --purge and --prune say with --format json.
type cleared struct {
	OK    bool  `json:"ok"`
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

// clear empties logs, or deletes rotated files. What a supervisor writes to, it
// is asked to clear itself, between two writes.
func (l *logsCommand) clear(ctx context.Context, a *app, home *instance, targets []logTarget) error {
	conn, err := home.reach()
	if err != nil && !isCode(err, api.CodeNoSupervisor) {
		return err
	}
	if conn != nil {
		defer func() { _ = conn.Close() }()
	}
	done := cleared{OK: true}
	for _, t := range targets {
		var one logs.Cleared
		if conn == nil || t.project == "" {
			one, err = logs.ClearFiles(paths.Logs(home.state), t.project, t.service, l.bounds)
		} else {
			one, err = l.ask(ctx, conn, t)
		}
		done.Files += one.Files
		done.Bytes += one.Bytes
		if err != nil {
			return err
		}
		if t.journaled {
			fmt.Fprintf(a.out.stderr, "warning[%s]: what journald keeps of %s/%s stays there; journalctl --vacuum-time deletes\n", api.CodeInternal, t.project, t.service)
		}
	}
	l.tell(a.out, done)
	return nil
}

func (l *logsCommand) ask(ctx context.Context, conn *client.Conn, t logTarget) (logs.Cleared, error) {
	params := api.ClearLogs{Project: t.project, Service: t.service}
	if l.bounds.MaxBytes != nil {
		size := int(*l.bounds.MaxBytes)
		params.MaxBytes = &size
	}
	if !l.bounds.Before.IsZero() {
		age := int(time.Since(l.bounds.Before) / time.Millisecond)
		params.OlderThan = &age
	}
	done, err := conn.ClearLogs(ctx, params)
	return logs.Cleared{Files: done.Files, Bytes: int64(done.Bytes)}, err
}

// tell says how much was deleted.
func (l *logsCommand) tell(out *output, done cleared) {
	switch {
	case out.json:
		out.printJSON(done)
	case out.quiet:
	default:
		did, files := "Pruned", "files"
		if l.purge {
			did = "Purged"
		}
		if done.Files == 1 {
			files = "file"
		}
		fmt.Fprintf(out.stdout, "%s %d log %s, %d bytes\n", did, done.Files, files, done.Bytes)
	}
}
