package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"
)

// asManager plays systemd; heard is what it is told next.
func asManager(t *testing.T) (heard func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return func() string {
		t.Helper()
		buf := make([]byte, 256)
		if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
}

func TestEveryEndIsAnnounced(t *testing.T) {
	heard := asManager(t)
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGINT
	ctx, end := context.WithCancel(t.Context())
	heed(signals, end, false, slog.New(slog.DiscardHandler), func(context.Context) { t.Error("it stops services") })
	if ctx.Err() == nil {
		t.Error("it does not end")
	}
	if got := heard(); got != "STOPPING=1" {
		t.Errorf("systemd heard %q", got)
	}
}

// A reload is answered when the supervisor has turned.
func TestAReloadIsAnswered(t *testing.T) {
	heard := asManager(t)
	signals, turn := make(chan os.Signal, 1), make(chan struct{})
	signals <- syscall.SIGHUP
	close(signals)
	go heedReload(signals, func() { <-turn })
	if got := heard(); !regexp.MustCompile(`^RELOADING=1\nMONOTONIC_USEC=[0-9]{6,}$`).MatchString(got) {
		t.Errorf("systemd heard %q", got)
	}
	close(turn)
	if got := heard(); got != "READY=1" {
		t.Errorf("then it heard %q", got)
	}
}

func TestSystemdIsToldInLines(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", "3000000")
	t.Setenv("WATCHDOG_PID", "")
	heard := asManager(t)
	m, err := newManager(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m.Summary("2 services")
	m.Alive()
	for _, want := range []string{"STATUS=2 services", "WATCHDOG=1"} {
		if got := heard(); got != want {
			t.Errorf("systemd heard %q, want %q", got, want)
		}
	}
}
