package supervisor

import (
	"context"

	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/logs"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/store"
)

// Helper is a connection to sysg-exec. Its methods queue and return; what
// becomes of a request comes as an event. The channel closes when the
// connection ends.
type Helper interface {
	Launch(spec.Launch) error
	Signal(spec.Signal) error
	Kill(spec.Kill) error
	Ack(spec.Ack) error
	List() error
	Quit() error
	Events() <-chan execclient.Event
	Close() error
}

// Generations reads what is installed. The supervisor sees only its own part.
type Generations interface {
	Projects() ([]string, error)
	Active(project string) (int, error)
	Supervise(project string, number int) (generation.Supervise, error)
}

// Logs captures what services print and reads it back. Attach takes the pipe
// over and does not block.
type Logs interface {
	Attach(logs.Source)
	Tail(project, service string, lines int, stream string) ([]logs.Line, logs.Position, error)
	FollowAll(ctx context.Context, all []logs.Followed, stream string, emit func(i int, line logs.Line) error) error
}

// States saves projects and loads them after a start. Put does not block; the
// supervisor is told through Written when its value is on disk.
type States interface {
	Put(project store.Project, seq uint64)
	Load(project string) (store.Project, error)
}
