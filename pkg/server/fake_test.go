package server

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"systemg.org/sysg/pkg/api"
)

// fake is a supervisor whose services are words in the parameters.
type fake struct {
	Supervisor // what is not below is not called

	started  chan api.Caller // one for each Start that has begun
	finished chan error      // why a Start ended
	release  chan struct{}   // lets a Stop end
}

func newFake() *fake {
	return &fake{started: make(chan api.Caller, 9), finished: make(chan error, 9), release: make(chan struct{})}
}

func (f *fake) Start(ctx context.Context, by api.Caller, p api.Start, emit func(api.Reply) error) (api.Result, error) {
	f.started <- by
	for _, service := range p.Services {
		if emit == nil {
			break
		}
		if err := emit(api.Reply{Progress: &api.Progress{Project: p.Project, Service: service}}); err != nil {
			return api.Result{}, err
		}
	}
	if p.Foreground {
		<-ctx.Done()
		f.finished <- ctx.Err()
		return api.Result{}, ctx.Err()
	}
	f.finished <- nil
	return api.Result{OK: true}, nil
}

func (f *fake) Stop(_ context.Context, _ api.Caller, _ api.Stop, _ func(api.Reply) error) (api.Result, error) {
	<-f.release
	return api.Result{OK: true, Message: "stopped"}, nil
}

func (f *fake) Restart(_ context.Context, _ api.Caller, p api.Restart, _ func(api.Reply) error) (api.Result, error) {
	return api.Result{}, &api.Diagnostic{Code: api.CodeUnknownUnit, Title: "no project " + p.Project}
}

func (f *fake) Shutdown(context.Context, api.Caller, func(api.Reply) error) (api.Result, error) {
	return api.Result{}, errors.New("cannot end")
}

func (f *fake) Status(context.Context, api.Caller, api.Status) (api.Snapshot, error) {
	return api.Snapshot{SchemaVersion: api.SchemaVersion}, nil
}

func (f *fake) Why(_ context.Context, _ api.Caller, p api.Why) ([]api.Link, error) {
	return []api.Link{{Service: p.Service, Evidence: []string{"a secret"}}}, nil
}

func (f *fake) Logs(_ context.Context, _ api.Caller, p api.Logs, emit func(api.Reply) error) error {
	for range p.Lines {
		if err := emit(api.Reply{Line: &api.Line{Text: "hello"}}); err != nil {
			return err
		}
	}
	return nil
}

// serve runs a server and returns its socket; it must end with the test.
func serve(t *testing.T, supervisor Supervisor, options Options) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "control.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, listener, supervisor, options) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve ended with %v", err)
		}
	})
	return path
}

// peerConn is a client that says exactly what it is told to.
type peerConn struct {
	*net.UnixConn
	t      *testing.T
	reader *bufio.Reader
}

func dial(t *testing.T, path string) *peerConn {
	t.Helper()
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &peerConn{conn, t, bufio.NewReader(conn)}
}

func (p *peerConn) say(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p, text); err != nil {
		p.t.Fatal(err)
	}
}

// hear reads one reply, as text without its NUL, or "" at the end.
func (p *peerConn) hear() string {
	p.t.Helper()
	text, err := p.reader.ReadString(0)
	if err == io.EOF || errors.Is(err, syscall.ECONNRESET) {
		return ""
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimSuffix(text, "\x00")
}
