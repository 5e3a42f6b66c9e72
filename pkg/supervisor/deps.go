package supervisor

import (
	"context"
	"iter"
	"os"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/logs"
	"systemg.org/sysg/pkg/metrics"
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
	// Files that come with Listen and Keep are taken over.
	Listen(spec.Listen, []*os.File) error
	Unlisten(spec.Unlisten) error
	Main(spec.Main) error
	Keep(spec.Keep, []*os.File) error
	Drop(spec.Drop) error
	Activate(spec.Activate) error
	Remove(spec.Remove) error
	Events() <-chan execclient.Event
	Close() error
}

// Generations reads what is installed. The supervisor sees only its own part.
type Generations interface {
	Projects() ([]string, error)
	Active(project string) (int, error)
	Supervise(project string, number int) (generation.Supervise, error)
	List(project string) ([]generation.Entry, error)
}

// Logs captures what services print and reads it back. Attach takes the pipe
// over and does not block.
type Logs interface {
	Attach(logs.Source)
	Tail(project, service string, lines int, q logs.Query) ([]logs.Line, logs.Position, error)
	FollowAll(ctx context.Context, all []logs.Followed, q logs.Query, emit func(i int, line logs.Line) error) error
	History(project, service string, q logs.Query) iter.Seq2[logs.Line, error]
	Clear(project, service string, what logs.Clear) (logs.Cleared, error)
	// Dropped is how many lines of a service could not be written.
	Dropped(project, service string) uint64
	// JournalProblem is why the journal does not take lines, nil if it does.
	JournalProblem() error
}

// States saves projects and loads them after a start. Put does not block; the
// supervisor is told through Written when its value is on disk.
type States interface {
	Put(project store.Project, seq uint64)
	Remove(project string, seq uint64)
	Load(project string) (store.Project, error)
}

// Clock is the real clock. Its alarm goes by it: it rings at its time even where
// the machine slept or the clock was set on the way, and also when it is set, so
// that whoever reckoned by it can do so again.
type Clock interface {
	Now() time.Time
	// Alarm sets the one alarm; the zero time turns it off. It does not block.
	Alarm(at time.Time)
	Rang() <-chan struct{}
}

// Journal keeps what happened to services, in order. Append does not block and
// returns the number of the event.
type Journal interface {
	Append(api.Event) int
	Read(each func(api.Event) bool) error
}

// Manager is the service manager that started us, told how we are. Its methods
// do not block.
type Manager interface {
	// Summary is in one line what there is.
	Summary(string)
	// Alive says that the loop turns; Patience is how often it wants to hear
	// that at least, 0 for never.
	Alive()
	Patience() time.Duration
}

// Kernel is what the kernel says of services at this moment.
type Kernel interface {
	Look(metrics.Target) metrics.Look
	Thoroughly(metrics.Target) metrics.Look
	Processes(metrics.Target) []metrics.Process
	Machine() api.System
}

// Meter keeps what was measured of services. Take looks at some of them in the
// background and does not block.
type Meter interface {
	Take([]metrics.Job)
	Forget(project, service string)
	Samples(project, service string, most int) []api.Sample
	Summary(project, service, incarnation string) (api.Metrics, bool)
}
