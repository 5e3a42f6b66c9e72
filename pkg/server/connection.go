package server

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"systemg.org/sysg/pkg/api"
)

// ahead is how many calls a client may send before the first is answered. One
// that sends more is hung up on: its frames are memory, and a reader that
// waited here would not see it hang up.
const ahead = 4

type connection struct {
	server *server
	stream *net.UnixConn
	caller api.Caller
	who    person
	role   role
	// writing keeps the frames of a Supervisor that emits from several
	// goroutines whole.
	writing sync.Mutex
	// broken is why nothing more can be written: half a frame may have been.
	broken error
	// pace guards the write deadline; hurried, it is the last one.
	pace    sync.Mutex
	hurried bool
	// life ends with the server, not with the connection.
	life context.Context
}

// arrival is a frame, or why no further one can be read.
type arrival struct {
	frame []byte
	err   error
}

// serve carries out the calls of one connection until it ends.
func (c *connection) serve(ctx context.Context) {
	c.life = ctx
	ctx, hangUp := context.WithCancel(ctx)
	defer hangUp()
	// Shutting down the reading side, not a deadline, ends the reader: it sets
	// deadlines itself.
	stop := context.AfterFunc(ctx, func() {
		_ = c.stream.CloseRead()
		c.hurry(lastWords)
	})
	defer stop()

	arrivals := make(chan arrival, ahead)
	go c.read(hangUp, arrivals)
	defer func() {
		_ = c.stream.Close()
		for range arrivals { // until the reader has ended too
		}
	}()
	for a := range arrivals {
		if a.err != nil {
			c.server.options.Log.Warn("Closed a connection", "uid", c.caller.UID, "pid", c.caller.PID, "cause", a.err)
			_ = c.fail(invalid("frame"))
			return
		}
		if err := c.answer(ctx, a.frame); err != nil {
			return
		}
	}
}

// read hands on frames until the stream ends, then calls hangUp.
func (c *connection) read(hangUp func(), arrivals chan<- arrival) {
	defer close(arrivals)
	defer hangUp()
	reader := api.NewReader(c.stream, api.MaxCall)
	for {
		a := c.next(reader)
		if errors.Is(a.err, io.EOF) {
			return
		}
		select {
		case arrivals <- a:
		default:
			return
		}
		if a.err != nil {
			return
		}
	}
}

// next waits for a frame to begin for as long as it takes, and for the rest of
// it for FrameTime. Any failure between frames is the end of the stream.
func (c *connection) next(reader *api.Reader) arrival {
	if reader.Await() != nil {
		return arrival{err: io.EOF}
	}
	_ = c.stream.SetReadDeadline(time.Now().Add(c.server.options.FrameTime))
	defer func() { _ = c.stream.SetReadDeadline(time.Time{}) }()
	frame, err := reader.Next()
	return arrival{frame, err}
}

// answer carries out one call. An error means that the connection is done for.
func (c *connection) answer(ctx context.Context, frame []byte) error {
	var command api.ControlCommand
	if err := api.Decode(frame, &command); err != nil || command.Method == "" {
		_ = c.fail(invalid("method"))
		return errors.New("not a call")
	}
	call := &call{
		ctx: ctx, server: c.server, caller: c.caller, who: c.who, role: c.role,
		parameters: command.Parameters, streams: command.More && !command.OneWay,
	}
	if command.OneWay {
		// Whoever wants no answer need not stay for it.
		call.ctx = c.life
	}
	if call.streams {
		call.emit = func(reply api.Reply) error { return c.send(reply, true, "") }
	}
	answer, err := call.dispatch(command.Method)
	switch {
	case command.OneWay:
		return nil
	case err != nil:
		return c.fail(err)
	default:
		return c.send(answer, false, "")
	}
}

// fail sends err as an error reply.
func (c *connection) fail(err error) error {
	r := refusalFrom(err)
	return c.send(r.parameters, false, r.name)
}

func (c *connection) send(parameters any, continues bool, name string) error {
	text, err := api.Marshal(parameters)
	if err != nil {
		return err
	}
	frame, err := api.ReplyFrame(text, continues, name, api.MaxReply)
	if err != nil {
		return err
	}
	return c.write(frame, continues)
}

// write gives the peer a time to read, so that one that does not holds neither
// us nor its place for ever.
func (c *connection) write(frame []byte, continues bool) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.broken != nil {
		return c.broken
	}
	patience := c.server.options.ReplyTime
	if continues {
		patience = c.server.options.StreamTime
	}
	c.pace.Lock()
	if !c.hurried {
		_ = c.stream.SetWriteDeadline(time.Now().Add(patience))
	}
	c.pace.Unlock()
	_, c.broken = c.stream.Write(frame)
	return c.broken
}

// hurry is the last deadline, for all that is still to be written.
func (c *connection) hurry(patience time.Duration) {
	c.pace.Lock()
	defer c.pace.Unlock()
	c.hurried = true
	_ = c.stream.SetWriteDeadline(time.Now().Add(patience))
}

// dismiss tells a peer that is not heard why, and hangs up. The deadline
// keeps it from holding up the accept loop; a fresh socket has room anyway.
func (c *connection) dismiss(why error) {
	c.hurry(100 * time.Millisecond)
	_ = c.fail(why)
	_ = c.stream.Close()
}
