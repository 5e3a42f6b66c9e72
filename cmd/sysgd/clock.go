package main

import (
	"log/slog"
	"time"

	"systemg.org/sysg/pkg/sys"
)

// clock is the machine's, with an alarm that rings the supervisor.
type clock struct {
	timer *sys.WallTimer
	rang  chan struct{}
	log   *slog.Logger
}

// newClock starts the one goroutine that waits for the alarm. It ends with close.
func newClock(log *slog.Logger) (*clock, error) {
	timer, err := sys.NewWallTimer()
	if err != nil {
		return nil, err
	}
	c := &clock{timer: timer, rang: make(chan struct{}, 1), log: log}
	go func() {
		for timer.Wait() == nil {
			c.ring()
		}
	}()
	return c, nil
}

func (c *clock) close() { _ = c.timer.Close() }

// ring is heard once, however often it rings until then.
func (c *clock) ring() {
	select {
	case c.rang <- struct{}{}:
	default:
	}
}

// Now has no monotonic reading: what is compared with it is on the real clock.
func (c *clock) Now() time.Time { return time.Now().Round(0) }

func (c *clock) Rang() <-chan struct{} { return c.rang }

func (c *clock) Alarm(at time.Time) {
	moved, err := c.timer.Set(at)
	if err != nil {
		c.log.Error("Cannot set the alarm; schedules are late until something else happens", "error", err)
	}
	if moved {
		c.ring()
	}
}
