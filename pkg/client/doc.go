// Package client is the other end of control.sock: one connection to sysgd,
// calls on it in turn, and what sysgd answers as Go values.
//
//	conn, err := client.Dial(path)      // ErrNotRunning if nobody listens
//	result, err := conn.Start(ctx, api.Start{…}, func(r api.Reply) error { … })
//
// An error that the daemon reports is an *api.Diagnostic and comes back as
// one, with errors.As.
//
// The socket is bound before the daemon runs, and a call made meanwhile waits
// in it. So nobody has to ask whether the daemon is ready; but a daemon that
// is stuck must not hold us for ever. With the first call therefore goes a
// GetInfo, in the same write, whose answer must come within AnswerWithin. A
// mutation may then take as long as it takes; questions have AnswerWithin, too.
//
// When the context of a call ends, the connection is closed, which is how the
// daemon is told; it cannot be used after that. A Conn is for one goroutine.
package client
