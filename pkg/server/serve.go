package server

import (
	"context"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"systemg.org/sysg/pkg/api"
)

// Supervisor is what carries out the calls. Its methods may be called from
// many goroutines at once. A context ends when the caller hangs up; the
// mutations block until what was asked is true or has failed, and emit their
// progress unless emit is nil. An error that is an *api.Diagnostic reaches the caller as it is.
type Supervisor interface {
	Start(ctx context.Context, by api.Caller, p api.Start, emit func(api.Reply) error) (api.Result, error)
	Stop(ctx context.Context, by api.Caller, p api.Stop, emit func(api.Reply) error) (api.Result, error)
	Restart(ctx context.Context, by api.Caller, p api.Restart, emit func(api.Reply) error) (api.Result, error)
	Shutdown(ctx context.Context, by api.Caller, emit func(api.Reply) error) (api.Result, error)
	Status(ctx context.Context, by api.Caller, p api.Status) (api.Snapshot, error)
	Watch(ctx context.Context, by api.Caller, p api.Status, emit func(api.Reply) error) error
	Inspect(ctx context.Context, by api.Caller, p api.Inspect, emit func(api.Reply) error) (api.Inspection, error)
	Events(ctx context.Context, by api.Caller, p api.Events, emit func(api.Reply) error) error
	Why(ctx context.Context, by api.Caller, p api.Why) ([]api.Link, error)
	Logs(ctx context.Context, by api.Caller, p api.Logs, emit func(api.Reply) error) error
	ClearLogs(ctx context.Context, by api.Caller, p api.ClearLogs) (api.Cleared, error)
	Identify(ctx context.Context) (api.Identity, error)
	Survey(ctx context.Context, by api.Caller) (api.Survey, error)
	Cron(ctx context.Context, by api.Caller, p api.CronQuery) ([]api.CronUnit, error)
	CronRun(ctx context.Context, by api.Caller, p api.CronRunNow, emit func(api.Reply) error) (api.Result, error)
	Generations(ctx context.Context, by api.Caller, p api.Generations) ([]api.Installed, error)
	Standing(ctx context.Context, by api.Caller, p api.StandingOf) (api.Standing, error)
	Forget(ctx context.Context, by api.Caller, p api.Forget) (api.Result, error)
}

// Options are the server's settings; the zero value is usable.
type Options struct {
	// Version is what GetInfo answers.
	Version string
	// State is the folder of state, for clients that look elsewhere.
	State string
	// System is how callers are judged in the system's instance, nil in a user's,
	// where the owner of the daemon and root may do everything.
	System *Access
	// MaxConnections bounds how many peers are served at once; 0 means 128.
	MaxConnections int
	// FrameTime is how long a frame may take to arrive once it has begun;
	// 0 means 10 s.
	FrameTime time.Duration
	// ReplyTime is how long a peer may take to take an answer, StreamTime how
	// long it may take between two frames of a stream: a pager, or a terminal
	// that is stopped by Ctrl-S, does not read for a while. 0 means 30 s and 1 h.
	ReplyTime, StreamTime time.Duration
	// Log is where refusals are told; nil means nowhere.
	Log *slog.Logger
}

// lastWords is how long a peer that does not read may delay our end.
const lastWords = 2 * time.Second

type server struct {
	supervisor  Supervisor
	options     Options
	owner       int
	places      places
	connections sync.WaitGroup
}

// Serve answers the connections of l, which it closes, until ctx ends. Calls
// in progress see their own context end then, and may still send a last reply;
// Serve returns when all have.
func Serve(ctx context.Context, l net.Listener, supervisor Supervisor, options Options) error {
	s := newServer(supervisor, options)
	defer s.connections.Wait()
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for {
		conn, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if conn != nil {
				_ = conn.Close()
			}
			return nil
		case err != nil:
			// ECONNABORTED, or no descriptor is free. The peer stays in the
			// queue in the latter case, so that trying at once would spin.
			s.options.Log.Warn("Cannot accept a connection", "cause", err)
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		default:
			s.admit(ctx, conn)
		}
	}
}

func newServer(supervisor Supervisor, options Options) *server {
	if options.MaxConnections == 0 {
		options.MaxConnections = 128
	}
	if options.FrameTime == 0 {
		options.FrameTime = 10 * time.Second
	}
	if options.ReplyTime == 0 {
		options.ReplyTime = 30 * time.Second
	}
	if options.StreamTime == 0 {
		options.StreamTime = time.Hour
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	return &server{
		supervisor: supervisor,
		options:    options,
		owner:      os.Getuid(),
		places:     places{total: options.MaxConnections, shared: options.System != nil, taken: map[int]int{}},
	}
}

// admit decides who is heard, before anything is read, and gives the
// connection its goroutine.
func (s *server) admit(ctx context.Context, conn net.Conn) {
	stream, isUnix := conn.(*net.UnixConn)
	if !isUnix {
		s.options.Log.Error("Refused a connection that is not a Unix socket's", "network", conn.LocalAddr().Network())
		_ = conn.Close()
		return
	}
	who, err := peer(stream, s.options.System != nil)
	if err != nil {
		s.options.Log.Error("Refused a peer without credentials", "cause", err)
		_ = conn.Close()
		return
	}
	caller := who.Caller
	c := &connection{server: s, stream: stream, caller: caller, who: who, role: s.roleOf(who)}
	if c.role == nobody && !s.granted(ctx, who, viewer) {
		s.options.Log.Warn("Refused a peer", "uid", caller.UID, "pid", caller.PID)
		c.dismiss(&refusal{api.ErrorDenied, api.Denied{UID: caller.UID, Needs: string(viewer)}})
		return
	}
	if !s.places.take(caller.UID) {
		s.options.Log.Warn("Refused a peer, there are too many", "uid", caller.UID, "pid", caller.PID)
		c.dismiss(&api.Diagnostic{Code: api.CodeNotAnswering, Title: "the supervisor has too many clients"})
		return
	}
	s.connections.Go(func() {
		defer s.places.leave(caller.UID)
		c.serve(ctx)
	})
}
