// Command sysgd is the supervisor daemon: it decides what runs when, and asks
// sysg-exec to make it so. It never forks, reads no YAML and needs no privilege.
//
// It listens where LISTEN_FDS says (sd_listen_fds(3)): on the socket of
// sysgd.socket, or on one that `sysg start` bound. Its life is main.go, and how
// its parts are put together is wire.go.
package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"systemg.org/sysg/pkg/supervisor"
	"systemg.org/sysg/pkg/systemd"
)

// exitEnded is the status after Shutdown. The unit lists it in
// RestartPreventExitStatus=, so that systemd does not start us again before a
// client asks for us.
const exitEnded = 70

func main() {
	log := slog.New(logHandler())
	err := run(os.Args[1:], log)
	switch {
	case errors.Is(err, supervisor.ErrEnded):
		os.Exit(exitEnded)
	case err != nil:
		log.Error("Cannot go on", "cause", err)
		os.Exit(1)
	}
}

// logHandler writes to systemd's journal where that is our standard error, and to
// standard error elsewhere.
func logHandler() slog.Handler {
	var handler slog.Handler = slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level(os.Getenv("SYSG_LOG_LEVEL"))})
	if journal := entries(); journal != nil {
		handler = systemd.NewLogHandler(journal, handler)
	}
	return handler
}

// level is what SYSG_LOG_LEVEL names; sysg --log-level sets it.
func level(name string) slog.Level {
	switch name {
	case "debug", "trace":
		return slog.LevelDebug
	case "warn":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	case "off":
		return slog.LevelError + 1
	}
	return slog.LevelInfo
}

// run is the daemon's life: until a signal (farewell.go) or Shutdown ends it.
func run(arguments []string, log *slog.Logger) error {
	directories, err := parse(arguments)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	signal.Ignore(syscall.SIGPIPE)
	reloads := make(chan os.Signal, 1)
	signal.Notify(reloads, syscall.SIGHUP)
	return serve(ctx, directories, log, func(s *supervisor.Supervisor) {
		go heed(signals, stop, directories.system, log, resting(s, log)) // Ends with us.
		go heedReload(reloads, s.Turn)
	})
}
