package client

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	"systemg.org/sysg/pkg/api"
)

// slow accepts connections; the first one gets what GetInfo answers and then
// nothing, the others too where alive is set, and else nothing at all.
func slow(t *testing.T, alive bool) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "control.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for first := true; ; first = false {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			switch {
			case first:
				_, _ = conn.Write([]byte(infoReply))
			case alive:
				_, _ = conn.Write([]byte(infoReply + infoReply))
			}
		}
	}()
	return path
}

func TestPatienceEnds(t *testing.T) {
	for _, test := range []struct {
		name     string
		alive    bool
		patience Patience
		code     string
	}{
		{"at the limit of the command", true, Patience{Limit: 100 * time.Millisecond, Every: 10 * time.Millisecond, Grace: time.Minute}, api.CodeStillRunning},
		{"with a daemon that froze meanwhile", false, Patience{Every: 10 * time.Millisecond, Grace: 50 * time.Millisecond}, api.CodeNotAnswering},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn := connect(t, slow(t, test.alive))
			conn.Patience = test.patience
			_, err := conn.Stop(context.Background(), api.Stop{}, nil)
			var d *api.Diagnostic
			if !errors.As(err, &d) || d.Code != test.code {
				t.Errorf("got %v, want %s", err, test.code)
			}
		})
	}
}

func TestADaemonThatAnswersIsWaitedFor(t *testing.T) {
	conn := connect(t, slow(t, true))
	conn.Patience = Patience{Every: 20 * time.Millisecond, Grace: 150 * time.Millisecond}
	ctx, cancel := context.WithTimeout(context.Background(), 400*time.Millisecond)
	defer cancel()
	if _, err := conn.Stop(ctx, api.Stop{}, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want to be waiting when the time of the test is over", err)
	}
}
