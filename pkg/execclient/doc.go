// Package execclient is one connection to sysg-exec, for sysgd and sysg.
//
//	Launch, Signal, ─▶ send ─▶ (queue) ─▶ socket ─▶ receive ─▶ Events
//	Kill, Ack, List          flush, if full                  └▶ Install
//
// Requests do not wait for their answers. Each is sent at once where the socket
// has room, else queued for a goroutine that lives until the queue is empty; no
// method but Dial and Install ever waits. Answers, and what sysg-exec reports
// unasked, come in its order on one channel, each with the request that it
// answers.
//
// A descriptor belongs to the Event that it came with, and so to whoever takes
// that from the channel. Descriptors that nobody takes are closed here.
//
// sysg-exec is trusted with everything, but not to be free of errors: a frame
// that breaks the rules of package spec, answers nothing, or comes with other
// descriptors than it should, ends the connection. Nothing is lost by that,
// since Launch, Signal and Kill may be repeated after another Dial, and List
// tells the rest.
package execclient
