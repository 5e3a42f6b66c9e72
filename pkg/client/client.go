package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"systemg.org/sysg/pkg/api"
)

// ErrNotRunning says that nobody listens at the socket, or that it is not there.
var ErrNotRunning = errors.New("no supervisor is running")

// AnswerWithin is how long a daemon that works may take for a question, with
// room for its own start.
const AnswerWithin = 10 * time.Second

// Conn is one connection to sysgd. AnswerWithin, for questions, and Patience,
// for commands, may be changed before a call.
type Conn struct {
	AnswerWithin time.Duration
	Patience     Patience

	path   string
	stream *net.UnixConn
	reader *api.Reader
	// info is what the daemon answered to the first GetInfo.
	info *api.Info
}

// Dial connects to the control socket at path.
func Dial(path string) (*Conn, error) {
	stream, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path})
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("%w: %v", ErrNotRunning, err)
	case errors.Is(err, syscall.EAGAIN):
		return nil, notAnswering("its queue of connections is full")
	case err != nil:
		return nil, fmt.Errorf("cannot connect to the supervisor: %w", err)
	}
	return &Conn{
		AnswerWithin: AnswerWithin, Patience: DefaultPatience,
		path: path, stream: stream, reader: api.NewReader(stream, api.MaxReply),
	}, nil
}

// Close hangs up. A foreground start ends with it, nothing else does.
func (c *Conn) Close() error { return c.stream.Close() }

// Call makes one call and returns its last reply. If each is not nil it gets
// the replies before that; an error from it ends the call and the connection.
func (c *Conn) Call(ctx context.Context, method string, parameters any, each func(api.Reply) error) (api.Reply, error) {
	stop := context.AfterFunc(ctx, func() { _ = c.stream.Close() })
	defer stop()
	reply, err := c.call(method, parameters, each)
	if err != nil && ctx.Err() != nil {
		return api.Reply{}, context.Cause(ctx)
	}
	return reply, err
}

// ask sends a call, and takes the answer to the greeting that went ahead of the
// first one.
func (c *Conn) ask(method string, parameters any, more bool) error {
	c.patience(c.AnswerWithin)
	if err := c.send(method, parameters, more); err != nil {
		return err
	}
	if c.info == nil {
		var info api.Info
		if _, err := c.receive(&info); err != nil {
			return err
		}
		c.info = &info
	}
	return nil
}

func (c *Conn) call(method string, parameters any, each func(api.Reply) error) (last api.Reply, err error) {
	if err := c.ask(method, parameters, each != nil); err != nil {
		return last, err
	}
	if !quick[method] {
		c.patience(0)
	}
	for {
		if quick[method] { // each answer of a stream has its own time
			c.patience(c.AnswerWithin)
		}
		var reply api.Reply
		continues, err := c.receive(&reply)
		if err != nil || !continues {
			return reply, err
		}
		if each == nil {
			continue
		}
		if err := each(reply); err != nil {
			_ = c.stream.Close()
			return last, err
		}
	}
}

// quick are the methods that wait for nothing. All others are mutations, or
// follow something.
var quick = map[string]bool{
	api.MethodGetInfo: true, api.MethodIdentify: true, api.MethodSurvey: true,
	api.MethodStatus: true, api.MethodInspect: true, api.MethodWhy: true, api.MethodCron: true,
}

// patience is how long the daemon has from now on; 0 means for ever.
func (c *Conn) patience(d time.Duration) {
	var deadline time.Time
	if d > 0 {
		deadline = time.Now().Add(d)
	}
	_ = c.stream.SetDeadline(deadline)
}

// send writes a call, after a GetInfo if it is the first one.
func (c *Conn) send(method string, parameters any, more bool) error {
	text, err := api.Marshal(parameters)
	if err != nil {
		return fmt.Errorf("cannot encode a call of %s: %w", method, err)
	}
	frame, err := api.Frame(api.ControlCommand{Method: method, Parameters: text, More: more}, api.MaxCall)
	if err != nil {
		return fmt.Errorf("cannot encode a call of %s: %w", method, err)
	}
	if c.info == nil {
		hello, err := api.Frame(api.ControlCommand{Method: api.MethodGetInfo}, api.MaxCall)
		if err != nil {
			return err
		}
		frame = append(hello, frame...)
	}
	_, err = c.stream.Write(frame)
	if errors.Is(err, syscall.EPIPE) {
		// A daemon that refuses us hangs up before it reads, but has said why.
		return nil
	}
	return transport(err)
}

// receive reads one reply into v and says whether more follow.
func (c *Conn) receive(v any) (continues bool, err error) {
	frame, err := c.reader.Next()
	if err != nil {
		return false, transport(err)
	}
	// In one go, since a status may be large. What is no error is as good as
	// understood then.
	quick := struct {
		Parameters any    `json:"parameters"`
		Continues  bool   `json:"continues"`
		Error      string `json:"error"`
	}{Parameters: v}
	if err := json.Unmarshal(frame, &quick); err == nil && quick.Error == "" {
		return quick.Continues, nil
	}
	var response api.ControlResponse
	if err := json.Unmarshal(frame, &response); err != nil {
		return false, fmt.Errorf("cannot understand the supervisor: %w", err)
	}
	if response.Error != "" {
		return false, failure(response)
	}
	if len(response.Parameters) == 0 {
		return response.Continues, nil
	}
	// Not strict: a newer daemon may say more than we know.
	if err := json.Unmarshal(response.Parameters, v); err != nil {
		return false, fmt.Errorf("cannot understand the supervisor: %w", err)
	}
	return response.Continues, nil
}

// transport turns a failure of the connection into what it means.
func transport(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return notAnswering("it accepted the connection and then said nothing")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return fmt.Errorf("%w: %w", ErrWentAway, &api.Diagnostic{
			Code: api.CodeNoSupervisor, Title: "the supervisor went away before it answered",
			Help: []api.Help{{Label: "see why", Command: "sysg logs --supervisor"}},
		})
	default:
		return fmt.Errorf("cannot talk to the supervisor: %w", err)
	}
}

// ErrWentAway says that the daemon ended during a call.
var ErrWentAway = errors.New("connection lost")

func notAnswering(note string) error {
	return &api.Diagnostic{
		Code: api.CodeNotAnswering, Title: "the supervisor is alive but does not answer", Notes: []string{note},
		Help: []api.Help{{Label: "see what it did last", Command: "sysg logs --supervisor"}},
	}
}

// failure is the error that a reply carries, as a Diagnostic.
func failure(response api.ControlResponse) error {
	if response.Error == api.ErrorFailed {
		d := &api.Diagnostic{}
		if err := json.Unmarshal(response.Parameters, d); err != nil {
			return fmt.Errorf("cannot understand the supervisor: %w", err)
		}
		return d
	}
	if response.Error == api.ErrorDenied {
		return denied(response.Parameters)
	}
	d := &api.Diagnostic{Code: api.CodeInternal, Title: "the supervisor refused the call: " + response.Error}
	if len(response.Parameters) > 0 {
		d.Notes = []string{"it says " + string(response.Parameters)}
	}
	return d
}

// denied says what a caller lacks. A user's supervisor takes its owner and root for
// admin, and nobody else for anything.
func denied(parameters json.RawMessage) error {
	var d api.Denied
	_ = json.Unmarshal(parameters, &d) // What it says beside the refusal is help only.
	return &api.Diagnostic{
		Code: api.CodeNeedsRoot, Title: fmt.Sprintf("the supervisor refuses uid %d: it has to be %s for that", d.UID, cmp.Or(d.Needs, "another")),
		Notes: []string{"of the system's instance root is admin, group sysg operator, and others are viewer, unless root keeps them out; of a user's only the user and root are anything"},
	}
}
