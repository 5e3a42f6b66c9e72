package main

import (
	"context"
	"os"
	"time"

	"systemg.org/sysg/pkg/systemd"
)

// manager is systemd, as the supervisor sees it. The loop never waits for it.
type manager struct {
	lines    chan string
	patience time.Duration
}

// managerRoom is how many lines may wait for systemd. What comes beyond is not
// told: a later line says more.
const managerRoom = 16

func newManager(ctx context.Context) (*manager, error) {
	patience, err := systemd.Watchdog()
	if err != nil {
		return nil, err
	}
	m := &manager{make(chan string, managerRoom), patience}
	go func() {
		for {
			select {
			case line := <-m.lines:
				_ = systemd.Notify(line) // Nothing depends on it.
			case <-ctx.Done():
				return
			}
		}
	}()
	return m, nil
}

func (m *manager) tell(line string) {
	select {
	case m.lines <- line:
	default:
	}
}

// Summary implements supervisor.Manager.
func (m *manager) Summary(text string) { m.tell(systemd.Status(text)) }

// Alive implements supervisor.Manager.
func (m *manager) Alive() { m.tell(systemd.Alive) }

// Patience implements supervisor.Manager: WatchdogSec=, which our units do not
// have, since it would wake an idle supervisor.
func (m *manager) Patience() time.Duration { return m.patience }

// heedReload answers `systemctl reload` and a hang-up. There is nothing to read
// again: what runs was installed, and `sysg reload` installs something else. So
// this says no more than that the supervisor turns.
func heedReload(signals <-chan os.Signal, turn func()) {
	for range signals {
		_ = systemd.Notify(systemd.Reloading())
		turn()
		_ = systemd.Notify(systemd.Ready)
	}
}
