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

	RequestListen   Request = "listen"
	RequestUnlisten Request = "unlisten"
	RequestMain     Request = "main"
	RequestKeep     Request = "keep"
	RequestDrop     Request = "drop"
	RequestActivate Request = "activate"
	RequestRemove   Request = "remove"
)

// Event is one thing heard from sysg-exec.
type Event struct {
	// Reply is what it said; empty where Err is set.
	Reply spec.Reply
	// Request is what the reply answers, "" where nobody asked (Exited,
	// Emptied, Wanted, Spawned).
	Request Request
	// Incarnation is the one that the request or the reply is about, "" if none.
	Incarnation string
	// Project and Service are those of a request that names them (Listen,
	// Unlisten, Activate, Remove), and of Wanted.
	Project, Service string

	// These come with Launched, Spawned, and Listed where it has a Record;
	// whoever takes the event closes them. PidFD is nil for a record with
	// Exited.
	PidFD, Stdout, Stderr *os.File
	// NotifyFD is the receiving end of its notify socket, ReadyFD the read end
	// of the pipe on which it reports readiness; nil where it has none.
	NotifyFD, ReadyFD *os.File
	// Sockets come with Listening, in the order of its Names.
	Sockets []*os.File

	// Err is set in the last event of a connection that ended by itself, and
	// says why (io.EOF: sysg-exec closed it).
	Err error
}

// CloseFiles closes the descriptors of an event that nobody wants.
func (e Event) CloseFiles() {
	closeFiles(e.PidFD, e.Stdout, e.Stderr, e.NotifyFD, e.ReadyFD)
	closeFiles(e.Sockets...)
}

func closeFiles(files ...*os.File) {
	for _, file := range files {
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

// takeFiles gives e the descriptors that came with its frame. If they are not
// those that belong there, the caller keeps all of them.
func (e *Event) takeFiles(fds []int) error {
	r := &e.Reply
	switch {
	case r.Launched != nil:
		return e.takeRun(fds, r.Launched.Notify, r.Launched.Ready, nil)
	case r.Listed != nil && r.Listed.Record != nil:
		return e.takeRun(fds, r.Listed.Notify, r.Listed.Ready, r.Listed.Record)
	case r.Spawned != nil:
		return e.takeRun(fds, false, false, &r.Spawned.Record)
	case r.Listening != nil:
		return e.takeSockets(fds)
	case len(fds) > 0:
		return protocolError("%d descriptors with a frame that cannot have them", len(fds))
	}
	return nil
}

// takeRun takes what belongs to an incarnation: what the frame says it has of
// notify socket and ready pipe comes last, and before that a pidfd, both log
// pipes, both or neither, so that their number tells which.
func (e *Event) takeRun(fds []int, notify, ready bool, record *spec.Record) error {
	rest := len(fds)
	for _, there := range []bool{notify, ready} {
		if there {
			rest--
		}
	}
	pidfd, pipes := rest%2 == 1, rest >= 2
	switch {
	case rest < 0, rest > 3:
		return protocolError("%d descriptors with a frame that cannot have them", len(fds))
	case record != nil && pidfd != (record.Exited == nil):
		return protocolError("%d descriptors with a record whose process has ended: %t", len(fds), !pidfd)
	}
	take := func(there bool, name string) *os.File {
		if !there {
			return nil
		}
		file := os.NewFile(uintptr(fds[0]), name)
		fds = fds[1:]
		return file
	}
	e.PidFD = take(pidfd, "pidfd")
	e.Stdout, e.Stderr = take(pipes, "stdout"), take(pipes, "stderr")
	e.NotifyFD, e.ReadyFD = take(notify, "notify"), take(ready, "ready")
	return nil
}

// takeSockets takes one for each name.
func (e *Event) takeSockets(fds []int) error {
	names := e.Reply.Listening.Names
	if len(fds) != len(names) {
		return protocolError("%d descriptors for %d sockets", len(fds), len(names))
	}
	for i, fd := range fds {
		e.Sockets = append(e.Sockets, os.NewFile(uintptr(fd), names[i]))
	}
	return nil
}
