package execclient

import (
	"os"

	"systemg.org/sysg/pkg/spec"
)

// Request names a kind of request.
type Request string

// The requests.
const (
	RequestHello   Request = "hello"
	RequestInstall Request = "install"
	RequestLaunch  Request = "launch"
	RequestSignal  Request = "signal"
	RequestKill    Request = "kill"
	RequestList    Request = "list"
	RequestAck     Request = "ack"
	RequestQuit    Request = "quit"
)

// Event is one thing heard from sysg-exec.
type Event struct {
	// Reply is what it said; empty where Err is set.
	Reply spec.Reply
	// Request is what the reply answers, "" where nobody asked (Exited,
	// Emptied).
	Request Request
	// Incarnation is the one that the request or the reply is about, "" if none.
	Incarnation string

	// These come with Launched, and with Listed where it has a Record; whoever
	// takes the event closes them. PidFD is nil for a record with Exited.
	PidFD, Stdout, Stderr *os.File

	// Err is set in the last event of a connection that ended by itself, and
	// says why (io.EOF: sysg-exec closed it).
	Err error
}

// CloseFiles closes the descriptors of an event that nobody wants.
func (e Event) CloseFiles() {
	for _, file := range []*os.File{e.PidFD, e.Stdout, e.Stderr} {
		if file != nil {
			_ = file.Close()
		}
	}
}

// Failure is a *Refused or *Failed for a reply that is one, Err where that is
// set, else nil.
func (e Event) Failure() error {
	if e.Err != nil {
		return e.Err
	}
	return failure(&e.Reply)
}

// takeFiles gives e the descriptors that came with its frame: a pidfd, both
// pipes, both or neither, so that their number tells which. If they are not
// those that belong there, the caller keeps all of them.
func (e *Event) takeFiles(fds []int) error {
	r := &e.Reply
	listed := r.Listed != nil && r.Listed.Record != nil
	pidfd, pipes := len(fds)%2 == 1, len(fds) >= 2
	switch {
	case r.Launched == nil && !listed && len(fds) > 0, len(fds) > 3:
		return protocolError("%d descriptors with a frame that cannot have them", len(fds))
	case listed && pidfd != (r.Listed.Record.Exited == nil):
		return protocolError("%d descriptors with a record whose process has ended: %t", len(fds), !pidfd)
	}
	if pidfd {
		e.PidFD = os.NewFile(uintptr(fds[0]), "pidfd")
		fds = fds[1:]
	}
	if pipes {
		e.Stdout = os.NewFile(uintptr(fds[0]), "stdout")
		e.Stderr = os.NewFile(uintptr(fds[1]), "stderr")
	}
	return nil
}
