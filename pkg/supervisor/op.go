package supervisor

import (
	"context"
	"sync"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/machine"
)

// maxUpdates bounds what is kept for a client that does not read.
const maxUpdates = 10000

// op is a command in progress: somebody waits until what it asked for is so.
type op struct {
	// concerns says whose transitions are progress of this command, and whose
	// output is captured before its answer; silent, that nobody wants progress.
	concerns func(*service) bool
	silent   bool
	// finished reports, in the loop, whether there is nothing left to wait
	// for, and then with what result.
	finished func() (api.Result, bool)
	// ends is set for a Shutdown: what comes after the answer.
	ends bool

	// patience is until when output is waited for, once all else is finished.
	patience time.Time

	// wishes are the changes that have to be on disk before the answer.
	wishes map[*project]uint64

	updates updates
	done    chan struct{} // closed when result or err is set
	result  api.Result
	err     error
}

// updates is progress on its way from the loop to the client's goroutine.
type updates struct {
	ready chan struct{}
	mu    sync.Mutex
	queue []api.Reply
}

func (u *updates) put(reply api.Reply) {
	u.mu.Lock()
	if len(u.queue) < maxUpdates {
		u.queue = append(u.queue, reply)
	}
	u.mu.Unlock()
	select {
	case u.ready <- struct{}{}:
	default:
	}
}

func (u *updates) take() []api.Reply {
	u.mu.Lock()
	defer u.mu.Unlock()
	queue := u.queue
	u.queue = nil
	return queue
}

// perform has begin run in the loop and waits for the operation that it
// returns. A client that hangs up stops waiting; what it asked for goes on.
func (s *Supervisor) perform(ctx context.Context, emit func(api.Reply) error, begin func() (*op, error)) (api.Result, error) {
	begun := make(chan *op, 1)
	failed := make(chan error, 1)
	s.inbox.post(func() {
		o, err := begin()
		if err != nil {
			failed <- err
			return
		}
		o.done, o.updates.ready = make(chan struct{}), make(chan struct{}, 1)
		o.silent = o.silent || emit == nil
		s.ops = append(s.ops, o)
		s.sketch(o)
		s.reconnect()
		begun <- o
	})
	select {
	case err := <-failed:
		return api.Result{}, err
	case o := <-begun:
		return s.await(ctx, emit, o)
	case <-ctx.Done():
		return api.Result{}, ctx.Err()
	}
}

// await passes progress on until the operation is done. What was reported
// before the end is passed on before the end is.
func (s *Supervisor) await(ctx context.Context, emit func(api.Reply) error, o *op) (api.Result, error) {
	for over := false; ; {
		for _, reply := range o.updates.take() {
			if err := emit(reply); err != nil {
				s.inbox.post(func() { s.drop(o) })
				return api.Result{}, err
			}
		}
		if over {
			return o.result, o.err
		}
		select {
		case <-o.updates.ready:
		case <-o.done:
			over = true
		case <-ctx.Done():
			select {
			case <-o.done: // The answer to a Shutdown ends the context, too.
				over = true
			default:
				s.inbox.post(func() { s.drop(o) })
				return api.Result{}, ctx.Err()
			}
		}
	}
}

func (s *Supervisor) drop(gone *op) {
	kept := s.ops[:0]
	for _, o := range s.ops {
		if o != gone {
			kept = append(kept, o)
		}
	}
	s.ops = kept
}

// answer ends the operations that are finished. Without sysg-exec none is.
func (s *Supervisor) answer() {
	for _, o := range append([]*op(nil), s.ops...) {
		if result, finished := o.finished(); finished && s.connected && !o.unsaved() && s.captured(o) {
			o.result = result
			close(o.done)
			s.drop(o)
			if o.ends && result.OK {
				s.quit()
			}
		}
	}
}

// lastWords is how long what has been written may take to be captured.
const lastWords = time.Second

// captured reports whether what the runs of a finished operation have written is
// captured, so that whoever is answered finds it in the log. It is the evidence of
// a failure, too. A pipe that something holds open which is not in the run is not
// waited for for long.
func (s *Supervisor) captured(o *op) bool {
	for _, r := range s.runs {
		if !r.emptied || r.pipes == 0 || !o.concerns(r.service) {
			continue
		}
		if o.patience.IsZero() {
			o.patience = s.now().Add(lastWords)
		}
		if s.now().Before(o.patience) {
			s.wakeAt(o.patience)
			return false
		}
	}
	return true
}

// watches reports whether somebody wants to know how it goes with a service.
func (o *op) watches(v *service) bool { return !o.silent && o.concerns(v) }

// reply answers the questions, unless we are about to know better.
func (s *Supervisor) reply() {
	if s.dialing || s.helper != (offline{}) && !s.connected {
		return
	}
	for _, answer := range s.questions {
		answer()
	}
	s.questions = nil
}

// abort ends all operations in progress with an error.
func (s *Supervisor) abort(err error) {
	for _, o := range s.ops {
		o.err = err
		close(o.done)
	}
	s.ops = nil
}

// report tells whoever waits about a transition.
func (s *Supervisor) report(v *service, transition machine.Transition) {
	for _, o := range s.ops {
		if !o.watches(v) {
			continue
		}
		progress := api.Progress{
			Project: v.project.generation.Project, Service: v.config.Name,
			Phase: string(transition.To), Cause: transition.Cause.Text,
			Failed: failing(transition.To),
		}
		if v.run != nil {
			progress.PID = v.run.pid
		}
		o.updates.put(api.Reply{Progress: &progress})
	}
}

// failing reports whether a state is one that a failure leads to.
func failing(state machine.State) bool {
	switch state {
	case machine.BackingOff, machine.GivenUp, machine.Failed:
		return true
	}
	return false
}
