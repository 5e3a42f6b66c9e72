package main

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"runtime"
	"time"

	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/logs"
	"systemg.org/sysg/pkg/metrics"
	"systemg.org/sysg/pkg/paths"
	"systemg.org/sysg/pkg/server"
	"systemg.org/sysg/pkg/store"
	"systemg.org/sysg/pkg/supervisor"
	"systemg.org/sysg/pkg/sys"
	"systemg.org/sysg/pkg/systemd"
	"systemg.org/sysg/pkg/version"
)

// serve puts the parts together and runs them. The order is that of need: the
// lock before anything is read, the parts before the supervisor, the listener
// last, so that the first client meets a supervisor.
func serve(ctx context.Context, d directories, log *slog.Logger, heed func(*supervisor.Supervisor)) error {
	listener, inherited, err := systemd.Listener("control")
	if err != nil {
		return err
	}
	boot, release, err := takeOver(ctx, d, log)
	if err != nil {
		return err
	}
	defer release()
	// The parts report to the supervisor, which is made of them: they are
	// told where to report through a variable that is set before they start.
	var s *supervisor.Supervisor
	capture, err := newCapture(d, log, func(drained logs.Drained) { s.Drained(drained.Incarnation) })
	if err != nil {
		return err
	}
	defer capture.Close()
	writer := store.NewWriter(paths.Projects(d.state), func(project string, seq uint64, err error) { s.Written(project, seq, err) })
	defer writer.Close()
	clock, err := newClock(log)
	if err != nil {
		return err
	}
	defer clock.close()
	told, err := openTeller(d, log)
	if err != nil {
		return err
	}
	defer told.Close()
	manager, err := newManager(ctx)
	if err != nil {
		return err
	}
	kernel := metrics.NewKernel()
	meter := metrics.NewMeter(kernel, func(err error) { log.Error("Cannot keep samples on disk", "error", err) })
	defer meter.Close()
	s = supervisor.New(supervisor.Config{
		Journal:     told,
		Kernel:      kernel,
		Meter:       meter,
		Clock:       clock,
		Dial:        func() (supervisor.Helper, error) { return dial(paths.Exec(d.runtime)) },
		Generations: &generation.Store{Dir: paths.Generations(d.state)},
		Logs:        captured{capture, paths.Logs(d.state)},
		States:      states{writer, paths.Projects(d.state)},
		Inherited:   inherited,
		BootID:      boot,
		System:      d.system,
		Log:         log,
		Manager:     manager,
	})
	heed(s)
	if err := scrape(ctx, inherited, s, log); err != nil {
		return err
	}
	return runBoth(ctx, s, log, func(ctx context.Context) error {
		return server.Serve(ctx, listener, s, server.Options{Version: version.Version, State: d.state, Log: log, System: access(d, s, log)})
	})
}

// openTeller opens the record of events, of which the journal is told as well.
func openTeller(d directories, log *slog.Logger) (*teller, error) {
	record, err := store.OpenJournal(paths.Events(d.state), func(err error) { log.Error("Cannot keep a record of events", "error", err) })
	if err != nil {
		return nil, err
	}
	return newTeller(record, entries(), log), nil
}

// takeOver makes the state ours, until release, and tells in which boot that is.
func takeOver(ctx context.Context, d directories, log *slog.Logger) (boot string, release func(), err error) {
	if err := d.prepare(); err != nil {
		return "", nil, err
	}
	lock, err := takeState(ctx, paths.Lock(d.state))
	if err != nil {
		return "", nil, err
	}
	forget := pidFile(d.state, log)
	release = func() {
		forget()
		// Never closed by us: whoever gets it may rely on our being gone.
		runtime.KeepAlive(lock)
	}
	if boot, err = bootID(); err != nil {
		release()
		return "", nil, err
	}
	return boot, release, nil
}

// runBoth runs the supervisor and its server. The supervisor's end ends the
// server too, which first lets clients have their last reply.
func runBoth(ctx context.Context, s *supervisor.Supervisor, log *slog.Logger, server func(context.Context) error) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	served := make(chan error, 1)
	go func() {
		defer end()
		served <- server(ctx)
	}()
	if err := systemd.Notify(systemd.Ready); err != nil {
		log.Warn("Cannot tell systemd that we are ready, ignoring", "error", err)
	}
	ended := s.Run(ctx)
	_ = systemd.Notify(systemd.Stopping)
	end()
	if err := <-served; err != nil {
		return err
	}
	return ended
}

// newCapture is what takes the output of services.
func newCapture(d directories, log *slog.Logger, drained func(logs.Drained)) (*logs.Capture, error) {
	options := logs.Options{
		Dir: paths.Logs(d.state), Spool: paths.Spool(d.runtime),
		Drained: drained,
		Lost:    func(lost logs.Lost) { tellOfLoss(log, lost) },
	}
	if journal, err := systemd.OpenJournal(paths.JournalSocket); err == nil {
		options.Journal = journal
	}
	return logs.New(options)
}

// farewell is how long our predecessor may take to end.
const farewell = 10 * time.Second

// takeState gets the lock that says whose the state is. One who is about to end
// still has it for a moment; one who goes on is not ours to replace.
func takeState(ctx context.Context, path string) (*os.File, error) {
	type taken struct {
		lock *os.File
		err  error
	}
	got := make(chan taken, 1)
	go func() { // Ends with the lock, or with us, who give up then.
		lock, err := sys.LockWait(path)
		got <- taken{lock, err}
	}()
	select {
	case t := <-got:
		return t.lock, t.err
	case <-time.After(farewell):
		return nil, fmt.Errorf("cannot take over %q: another supervisor has it", path)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func dial(path string) (supervisor.Helper, error) {
	conn, err := execclient.Dial(path)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// captured joins the capture of output with what reads it back.
type captured struct {
	*logs.Capture
	dir string
}

func (c captured) Tail(project, service string, lines int, q logs.Query) ([]logs.Line, logs.Position, error) {
	return logs.Tail(c.dir, project, service, lines, q)
}

func (c captured) History(project, service string, q logs.Query) iter.Seq2[logs.Line, error] {
	return logs.History(c.dir, project, service, q)
}

func (c captured) FollowAll(ctx context.Context, all []logs.Followed, q logs.Query, emit func(int, logs.Line) error) error {
	return logs.FollowAll(ctx, c.dir, all, q, emit)
}

// tellOfLoss says that output of a service cannot be written, and that it can
// again.
func tellOfLoss(log *slog.Logger, lost logs.Lost) {
	service := lost.Project + "/" + lost.Service
	if lost.Count == 0 {
		log.Error("Cannot write the output of a service; counting and dropping it", "service", service, "error", lost.Why)
		return
	}
	log.Warn("The output of a service is written again", "service", service, "dropped", lost.Count, "unit", lost.Unit, "cause", lost.Why)
}

// states joins the writer of state files with what reads them back.
type states struct {
	*store.Writer
	dir string
}

func (s states) Load(project string) (store.Project, error) { return store.Load(s.dir, project) }
