package supervisor

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/generation"
)

// broken is a sysg-exec whose connections break as soon as List is asked.
type broken struct {
	offline
	events chan execclient.Event
}

func (b *broken) List() error {
	close(b.events)
	return nil
}

func (b *broken) Events() <-chan execclient.Event { return b.events }

// TestConnectionsThatBreakAreNotMadeForEver: two daemons that do not understand
// one another must not use up the processor and the disk with trying.
func TestConnectionsThatBreakAreNotMadeForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dials := 0
		s := New(Config{
			Dial: func() (Helper, error) {
				dials++
				return &broken{events: make(chan execclient.Event)}, nil
			},
			Generations: &installed{stored: map[int]generation.Supervise{}},
			Logs:        silent{}, States: &disk{}, Clock: newWall(), Manager: &manager{}, Log: slog.New(slog.DiscardHandler),
		})
		go s.Run(t.Context())
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if dials < 2 || dials > redialLimit+2 {
			t.Errorf("%d connections in a day", dials)
		}
	})
}
