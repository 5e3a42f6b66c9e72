package supervisor

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/probe"
	"systemg.org/sysg/pkg/spec"
)

// ErrEnded is what Run returns after Shutdown.
var ErrEnded = errors.New("the supervisor was asked to end")

// Config is what a Supervisor works with. All fields are required.
type Config struct {
	// Dial connects to sysg-exec. It may take as long as systemd takes to
	// start it.
	Dial        func() (Helper, error)
	Generations Generations
	Logs        Logs
	States      States
	Clock       Clock
	// Inherited are descriptors that services declare as `inherit`, by name.
	Inherited map[string]*os.File
	Journal   Journal
	Kernel    Kernel
	Meter     Meter
	// BootID tells one boot of the machine from another.
	BootID string
	// System: services are several users', and what one says of itself is
	// believed only if it is proved.
	System bool
	Log    *slog.Logger
	// Manager is told how we are.
	Manager Manager
}

// Supervisor owns the services of all projects. Run is its life; every other
// method may be called from any goroutine while Run runs.
type Supervisor struct {
	dial        func() (Helper, error)
	generations Generations
	logs        Logs
	states      States
	clock       Clock
	journal     Journal
	kernel      Kernel
	meter       Meter
	log         *slog.Logger
	bootID      string
	system      bool
	inbox       *inbox
	connect     func(context.Context, generation.Probe) probe.Answer
	// life ends with Run, and with it what goroutines of ours do.
	life context.Context
	die  context.CancelFunc

	// What follows belongs to the goroutine in Run.
	helper    Helper
	connected bool // sysg-exec has told what lives
	dialing   bool
	dialAgain bool // somebody asked for sysg-exec while we were dialing
	// redialAt is when to connect again, zero for not by ourselves.
	redialAt  time.Time
	redials   int // connections in a row that broke
	dialedAt  time.Time
	listing   []execclient.Event
	projects  map[string]*project
	unread    map[string]bool // projects of which something runs, but that could not be read
	runs      map[string]*run
	bound     int                 // on how many services start at a time, 0 for none
	inherited map[string]*os.File // what systemd gave us for services, by name
	deadlines deadlines
	alarm     time.Time // by the real clock, for schedules
	wake      time.Time // when the loop has to turn, zero for never
	ops       []*op
	questions []func()
	quitting  bool // sysg-exec was asked to end, and we end with it
	leaving   bool // it refused, since something was left
	resting   bool // everything is being stopped, and wanted again at the next boot
	ending    bool // this is the last turn of the loop
	eldest    int  // the number of our first event, 0 for none yet
	followers map[*follower]bool
	closed    atomic.Bool // what others than operators may see: nothing
	watchers  map[*watcher]bool
	shortly   shortly
	sampleAt  time.Time // when something is to be measured next, zero for never
}

// New makes a supervisor that knows nothing yet; Run loads what is stored.
func New(config Config) *Supervisor {
	life, die := context.WithCancel(context.Background())
	return &Supervisor{
		life: life, die: die, connect: probe.Connect,
		dial: config.Dial, generations: config.Generations, logs: config.Logs, states: config.States, clock: config.Clock, inherited: config.Inherited, log: config.Log,
		bootID: config.BootID, system: config.System, inbox: newInbox(), helper: offline{},
		projects: map[string]*project{}, unread: map[string]bool{}, runs: map[string]*run{}, deadlines: deadlines{},
		journal: config.Journal, kernel: config.Kernel, meter: config.Meter, followers: map[*follower]bool{}, watchers: map[*watcher]bool{},
		shortly: shortly{to: config.Manager, stale: true, again: time.Now().Add(summaryPause)},
	}
}

// Run loads the stored projects, connects to sysg-exec and supervises until ctx
// ends or Shutdown was asked for. Services are left as they are.
func (s *Supervisor) Run(ctx context.Context) error {
	if err := s.load(); err != nil {
		return err
	}
	defer s.die()
	defer s.flush()
	s.reconnect()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !s.ending {
		s.settle()
		s.arm(timer)
		select {
		case <-ctx.Done():
			return nil
		case <-s.inbox.ready:
			s.inbox.run()
		case event, open := <-s.helper.Events():
			s.take(event, open)
		case <-timer.C:
		case <-s.clock.Rang():
		}
	}
	s.helper.Close()
	return ErrEnded
}

// take handles an event and all that are waiting behind it, so that a burst of
// exits is one turn of the loop.
func (s *Supervisor) take(event execclient.Event, open bool) {
	for events := s.helper.Events(); ; {
		if !open {
			s.disconnected(nil)
			return
		}
		s.hear(event)
		if s.ending || s.helper == (offline{}) {
			return
		}
		select {
		case event, open = <-events:
		default:
			return
		}
	}
}

// arm sets the one timer to the earliest deadline, or off.
func (s *Supervisor) arm(timer *time.Timer) {
	timer.Stop()
	if at, ok := s.deadlines.next(); ok {
		s.wakeAt(at)
	}
	if !s.wake.IsZero() {
		timer.Reset(time.Until(s.wake))
		s.wake = time.Time{}
	}
}

func (s *Supervisor) now() time.Time { return time.Now() }

// Drained is told when one pipe of an incarnation is at its end and written.
func (s *Supervisor) Drained(incarnation string) {
	s.inbox.post(func() { s.drained(incarnation) })
}

// Written is told when a project's state up to seq is on disk, or could not be
// put there.
func (s *Supervisor) Written(project string, seq uint64, err error) {
	s.inbox.post(func() { s.written(project, seq, err) })
}

// offline stands for sysg-exec while there is no connection: what is asked of
// it is asked again once there is one (adopt.go).
type offline struct{}

func (offline) Launch(spec.Launch) error        { return nil }
func (offline) Signal(spec.Signal) error        { return nil }
func (offline) Kill(spec.Kill) error            { return nil }
func (offline) Ack(spec.Ack) error              { return nil }
func (offline) List() error                     { return nil }
func (offline) Quit() error                     { return nil }
func (offline) Unlisten(spec.Unlisten) error    { return nil }
func (offline) Main(spec.Main) error            { return nil }
func (offline) Drop(spec.Drop) error            { return nil }
func (offline) Activate(spec.Activate) error    { return nil }
func (offline) Remove(spec.Remove) error        { return nil }
func (offline) Events() <-chan execclient.Event { return nil }
func (offline) Close() error                    { return nil }

func (offline) Listen(_ spec.Listen, files []*os.File) error { return discard(files) }
func (offline) Keep(_ spec.Keep, files []*os.File) error     { return discard(files) }

// discard closes files that nobody takes.
func discard(files []*os.File) error {
	for _, file := range files {
		_ = file.Close()
	}
	return nil
}
