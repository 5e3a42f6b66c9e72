package main

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// manager is systemd, told how we are (sd_notify(3)), where it started us and
// wants to know.
type manager struct {
	path string // of NOTIFY_SOCKET, "" for nobody
	// status is what it was told last, stale that something may have happened
	// since, and statusAt when it may be told again.
	status   string
	stale    bool
	statusAt time.Time
	// period is half the time within which its watchdog wants to hear of us, 0
	// for never, and aliveAt when it is told next.
	period  time.Duration
	aliveAt time.Time
}

// statusPause is the least time between two texts: each is a message to
// process 1, which tells the bus, and a start of many services would be many.
const statusPause = time.Second

// newManager takes what systemd says from the environment, which is not for
// services.
func newManager() manager {
	now := time.Now()
	m := manager{path: os.Getenv("NOTIFY_SOCKET"), stale: true, statusAt: now, aliveAt: now}
	micros, err := strconv.ParseUint(os.Getenv("WATCHDOG_USEC"), 10, 50)
	// WATCHDOG_PID is whose duty it is, if it is there (sd_watchdog_enabled(3)).
	if pid := os.Getenv("WATCHDOG_PID"); err == nil && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		m.period = time.Duration(micros) * time.Microsecond / 2
	}
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		os.Unsetenv(name)
	}
	return m
}

// tell sends lines such as READY=1. It never waits: a manager that is behind by
// hundreds of messages misses this one.
func (m *manager) tell(lines string) error {
	if m.path == "" {
		return nil
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err == nil {
		defer unix.Close(fd)
		// A leading @ means the abstract namespace; x/sys translates it.
		err = unix.Sendto(fd, []byte(lines), unix.MSG_NOSIGNAL, &unix.SockaddrUnix{Name: m.path})
	}
	if err != nil {
		return fmt.Errorf("cannot notify %q: %w", m.path, err)
	}
	return nil
}

// next is when the loop has to turn for it, zero for never.
func (m *manager) next() time.Time {
	switch {
	case m.path == "":
		return time.Time{}
	case m.period > 0 && (!m.stale || m.aliveAt.Before(m.statusAt)):
		return m.aliveAt
	case m.stale:
		return m.statusAt
	}
	return time.Time{}
}

// report is a turn of the loop: it proves that we are alive, and something may
// have happened in it.
func (h *helper) report(now time.Time, happened bool) {
	m := &h.manager
	if m.path == "" {
		return
	}
	if m.period > 0 && !now.Before(m.aliveAt) {
		_ = m.tell("WATCHDOG=1")
		m.aliveAt = now.Add(m.period)
	}
	if m.stale = m.stale || happened; !m.stale || now.Before(m.statusAt) {
		return
	}
	m.stale, m.statusAt = false, now.Add(statusPause)
	if status := h.status(); status != m.status && m.tell("STATUS="+status) == nil {
		m.status = status
	}
}

// status is what `systemctl status sysg-exec` shows: how many services' processes
// are ours. The checks and hooks beside them come and go.
func (h *helper) status() string {
	var up, coming int
	for _, inc := range h.incarnations {
		switch {
		case inc.record.Launch.Role != spec.RoleMain && inc.record.Launch.Role != spec.RoleChild:
		case inc.state != running:
			coming++
		case inc.record.Exited == nil:
			up++
		}
	}
	if coming > 0 {
		return fmt.Sprintf("%d running, %d being launched", up, coming)
	}
	return fmt.Sprintf("%d running", up)
}

// catchSignals catches what would end us: a hang-up, a Ctrl-C, and the end of
// whoever reads our standard error. None of these is ignored, since a child
// inherits what is ignored (execve(2)), and services get defaults.
func catchSignals() <-chan os.Signal {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGPIPE)
	return signals
}

// heedReload answers `systemctl reload`. There is nothing to read again: what we
// launch was installed, and is read at each launch. That the loop answers is all.
func (h *helper) heedReload(signals <-chan os.Signal) error {
	fd, err := sys.NewEventfd()
	if err != nil {
		return err
	}
	go func() { // Ends with the process.
		for got := range signals {
			if got == syscall.SIGHUP {
				_ = sys.Signal(fd)
			}
		}
	}()
	_, err = h.watch(fd, sys.Readable, func(uint32) {
		_ = sys.Drain(fd)
		// The time tells systemd which reload this answers.
		var now unix.Timespec
		if unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) == nil {
			_ = h.manager.tell(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", now.Nano()/1000))
			_ = h.manager.tell("READY=1")
		}
	})
	return err
}
