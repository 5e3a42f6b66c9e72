package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"syscall"
	"time"

	"systemg.org/sysg/pkg/supervisor"
	"systemg.org/sysg/pkg/systemd"
)

// heed waits for the signal that ends us. Services are left as they are, unless
// systemd stops our unit, at a shutdown or for an administrator: then rest stops
// them first. A restart and an upgrade are none of that, and a signal from
// anybody else is not either. The second signal does not wait.
func heed(signals <-chan os.Signal, end context.CancelFunc, system bool, log *slog.Logger, rest func(context.Context)) {
	defer end()
	got := <-signals
	_ = systemd.Notify(systemd.Stopping)
	if got != syscall.SIGTERM || !systemd.Supervised() {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // Ends with us.
		<-signals
		cancel()
	}()
	stop, err := systemd.ToStop(ctx, system)
	switch {
	case err != nil:
		log.Warn("Cannot ask systemd whether services are to stop; they go on", "error", err)
	case stop:
		log.Info("Stopping all services, since systemd stops the supervisor")
		rest(ctx)
	}
}

// resting stops everything, and asks systemd for the time that it takes.
func resting(s *supervisor.Supervisor, log *slog.Logger) func(context.Context) {
	return func(ctx context.Context) {
		err := s.Rest(ctx, func(step time.Duration) {
			_ = systemd.Notify(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", step.Microseconds()))
		})
		if err != nil {
			log.Error("Cannot stop all services", "error", err)
		}
	}
}
