package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// interrupted is why a context ended: somebody wants us to leave.
type interrupted struct{ signal os.Signal }

// Error makes interrupted an error.
func (i interrupted) Error() string { return "interrupted: " + i.signal.String() }

// interruptible is a context that ends with SIGINT, SIGTERM or SIGHUP. Under
// nohup, the loss of the terminal is no reason. A second signal does what it
// does by default: it ends us at once.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		defer signal.Stop(signals)
		select {
		case s := <-signals:
			cancel(interrupted{s})
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// interruption is how a command ends that was interrupted and left in good
// order. After Ctrl-C that is not a success, so that a script does not go on;
// for a service manager's SIGTERM it is.
func interruption(ctx context.Context) error {
	var i interrupted
	if errors.As(context.Cause(ctx), &i) && i.signal == syscall.SIGINT {
		return exit(128 + int(syscall.SIGINT))
	}
	return nil
}
