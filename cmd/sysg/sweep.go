package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
	"systemg.org/sysg/pkg/doctor"
)

// After the daemons ended: being sure of it, and leaving nothing behind.

// farewell is how long daemons that said they end may take for it.
const farewell = 10 * time.Second

// awaitEnd returns once both daemons are gone. Each holds a lock for life, and
// the kernel lets go of it when the process ends; getting it means that it did.
func (i *instance) awaitEnd(conn *client.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	conn.Hold(ctx)
	gone := make(chan struct{})
	// It ends with the locks or with us.
	go func() {
		defer close(gone)
		for _, path := range i.locks() {
			if lock, err := lockFile(path); err == nil {
				_ = lock.Close()
			}
		}
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return &api.Diagnostic{
			Code: api.CodeStopIncomplete, Title: fmt.Sprintf("all services are stopped, but a daemon has not ended within %v", farewell),
			Help: []api.Help{{Label: "see why", Command: "sysg logs --supervisor"}},
		}
	}
}

// sweep removes sockets that nobody listens at: ours, after the end of the
// daemons that held them. Those of systemd have a listener, systemd. Finding
// that out by connecting would start its daemons, so the kernel's table is read.
func (i *instance) sweep() {
	for _, dir := range i.runtimes {
		if _, err := os.Stat(dir); err == nil {
			sweepFolder(dir)
		}
	}
}

// sweepFolder holds the lock, or it would take a socket away from a sysg start
// that has bound it and is about to listen.
func sweepFolder(dir string) {
	lock, err := lockFile(filepath.Join(dir, "start.lock"))
	if err != nil {
		return
	}
	defer func() { _ = lock.Close() }()
	table, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		return
	}
	for _, d := range []daemon{sysgd, sysgExec, holder} {
		path := d.socketIn(dir)
		info, err := os.Lstat(path)
		if err == nil && info.Mode().Type() == os.ModeSocket && !doctor.Listening(string(table), path) {
			_ = os.Remove(path)
		}
	}
}
