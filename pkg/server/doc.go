// Package server answers control.sock: it turns frames into calls on a
// Supervisor and what comes back into frames.
//
//	accept ─▶ who is it? (SO_PEERCRED) ─▶ frame ─▶ table row ─▶ Supervisor
//	              │ not the owner              │ no row, or a role too low
//	              ▼                            ▼
//	            Denied, closed              an error reply
//
// The credentials are those of the moment of connect(2) and are checked before
// a byte is read. In user mode the owner of the daemon and root may do
// everything and nobody else anything. In the system's instance root does
// everything, a group of operators starts, stops and reads output, and everybody
// else looks on (access.go). The table names the role that each method needs.
//
// A connection answers its calls in order. One goroutine reads, so that the end
// of the stream is seen while a method still streams: the context of that
// method ends then. Another one carries the calls out. Both end when the peer
// hangs up or the server ends.
//
// Nothing that a client sends can do more than end its own connection. A frame
// over api.MaxCall, one that is not a call, or one whose rest does not come in
// time is answered with InvalidParameter, and the connection is closed, since
// what follows cannot be trusted to be the start of a frame.
//
// With "more" a method streams its progress; without it only the last reply is
// sent. What makes no sense in one reply (a foreground start, logs) is refused
// without it (ExpectedMore).
package server
