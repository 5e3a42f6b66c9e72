package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"systemg.org/sysg/pkg/api"
)

// A command may take long without anything being wrong: a service that needs
// ten minutes to become ready. So there is no deadline for its answer; instead
// the daemon is asked now and then, on a connection of its own, whether it is
// there, and the command has a limit as a whole.

// Patience is how long a command is waited for.
type Patience struct {
	// Limit is for the command as a whole, 0 for ever. What was asked for goes
	// on after it.
	Limit time.Duration
	// Every is the time between two questions, Grace how long none of them may
	// have been answered.
	Every, Grace time.Duration
}

// DefaultPatience is that of the older program.
var DefaultPatience = Patience{Limit: 900 * time.Second, Every: 5 * time.Second, Grace: 30 * time.Second}

// watched is a context that ends, with a diagnosis as its cause, when patience
// does. stop ends the watch.
func (c *Conn) watched(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		if why := c.outlast(ctx); why != nil {
			cancel(why)
		}
	}()
	return ctx, func() { cancel(nil) }
}

// outlast returns why there is no point in waiting any more, or nil when ctx
// has ended.
func (c *Conn) outlast(ctx context.Context) error {
	var limit <-chan time.Time
	if c.Patience.Limit > 0 {
		timer := time.NewTimer(c.Patience.Limit)
		defer timer.Stop()
		limit = timer.C
	}
	answered := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-limit:
			return c.stillRunning()
		case <-time.After(c.Patience.Every):
		}
		if c.answers() {
			answered = time.Now()
		} else if time.Since(answered) >= c.Patience.Grace {
			return notAnswering(fmt.Sprintf("it has said nothing for %s", c.Patience.Grace))
		}
	}
}

// answers asks the daemon who it is.
func (c *Conn) answers() bool {
	other, err := Dial(c.path)
	if err != nil {
		// Where nobody listens our own connection ends, which says more.
		return errors.Is(err, ErrNotRunning)
	}
	defer func() { _ = other.Close() }()
	other.AnswerWithin = c.Patience.Every
	_, err = other.Info(context.Background())
	return err == nil
}

func (c *Conn) stillRunning() error {
	return &api.Diagnostic{
		Code: api.CodeStillRunning, Title: fmt.Sprintf("the command has not come to its end within %s; it goes on", c.Patience.Limit),
		Notes: []string{"timeouts.command_wait_secs of sysgd.conf says how long to wait, 0 for ever"},
		Help:  []api.Help{{Label: "see how far it is", Command: "sysg status"}},
	}
}
