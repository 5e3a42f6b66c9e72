package supervisor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/machine"
)

// Every transition, and every note, is an event: it goes to the journal, which
// outlives us, and to those who follow.

// chronicle makes an event of a transition.
func (s *Supervisor) chronicle(v *service, transition machine.Transition) {
	cause := transition.Cause
	event := api.Event{
		At: timestamp(transition.At), Project: v.project.generation.Project, Service: v.config.Name,
		From: string(transition.From), To: string(transition.To), Event: string(transition.Event),
		Cause: cause.Text, Kind: string(cause.Kind), Code: cause.Code, Because: cause.Service,
	}
	if v.run != nil {
		event.Incarnation, event.PID = v.run.incarnation, v.run.pid
	}
	event.Sequence = s.journal.Append(event)
	if s.eldest == 0 {
		s.eldest = event.Sequence
	}
	for f := range s.followers {
		f.put(event)
	}
}

// follower is somebody who wants to hear of events as they come.
type follower struct {
	wants func(api.Event) bool
	ready chan struct{}

	mu    sync.Mutex
	queue []api.Event
	// behind: more came than was kept, so that the journal has to be read.
	behind bool
}

func (f *follower) put(event api.Event) {
	if !f.wants(event) {
		return
	}
	f.mu.Lock()
	if len(f.queue) < maxUpdates {
		f.queue = append(f.queue, event)
	} else {
		f.behind = true
	}
	f.mu.Unlock()
	select {
	case f.ready <- struct{}{}:
	default:
	}
}

func (f *follower) take() (events []api.Event, behind bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	events, behind = f.queue, f.behind
	f.queue, f.behind = nil, false
	return events, behind
}

// Events emits what happened, and with follow what happens.
func (s *Supervisor) Events(ctx context.Context, _ api.Caller, params api.Events, emit func(api.Reply) error) error {
	wants, err := params.Wants()
	if err != nil {
		return err
	}
	f := &follower{wants: wants, ready: make(chan struct{}, 1)}
	if params.Follow {
		// Before the journal is read, so that nothing falls between the two.
		followed := make(chan struct{})
		s.inbox.post(func() { s.followers[f] = true; close(followed) })
		defer s.inbox.post(func() { delete(s.followers, f) })
		select {
		case <-followed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	backlog, err := params.Backlog(s.journal.Read)
	if err != nil {
		return fmt.Errorf("cannot read the journal of events: %w", err)
	}
	last := 0
	tell := func(events []api.Event) error {
		for _, event := range events {
			if event.Sequence <= last {
				continue
			}
			last = event.Sequence
			if err := emit(api.Reply{Event: &event}); err != nil {
				return err
			}
		}
		return nil
	}
	if err := tell(backlog); err != nil || !params.Follow {
		return err
	}
	return s.follow(ctx, f, tell)
}

// follow tells of what comes until ctx ends.
func (s *Supervisor) follow(ctx context.Context, f *follower, tell func([]api.Event) error) error {
	for {
		events, behind := f.take()
		if err := tell(events); err != nil {
			return err
		}
		if behind {
			missed, err := api.Events{Lines: -1}.Backlog(s.journal.Read)
			if err != nil {
				return fmt.Errorf("cannot read the journal of events: %w", err)
			}
			missed = slices.DeleteFunc(missed, func(e api.Event) bool { return !f.wants(e) })
			if err := tell(missed); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-f.ready:
		}
	}
}

// remember adds steps that the journal has and the services do not remember:
// those of before a restart of ours.
func (s *Supervisor) remember(strands []strand, eldest int) {
	earlier := make([][]string, len(strands))
	wanting := false
	for _, strand := range strands {
		wanting = wanting || len(strand.steps) < remembered
	}
	if !wanting {
		return
	}
	_ = s.journal.Read(func(event api.Event) bool { // without it the story is only shorter
		if event.Sequence == eldest {
			return false
		}
		for i, strand := range strands {
			if event.Service == strand.link.Service && event.Project == strand.link.Project {
				if strand.direct && event.To == string(machine.Preparing) {
					continue
				}
				if strand.direct && event.From == string(machine.Preparing) {
					event.From = string(machine.Waiting)
				}
				at, _ := time.Parse(time.RFC3339Nano, event.At)
				earlier[i] = append(earlier[i], stepLine(at.Local(), event.From, event.To, event.Cause))
			}
		}
		return true
	})
	for i := range strands {
		most := max(remembered-len(strands[i].steps), 0)
		strands[i].steps = append(earlier[i][max(len(earlier[i])-most, 0):], strands[i].steps...)
	}
}

// stepLine is one step of a service's life, for people.
func stepLine(at time.Time, from, to, cause string) string {
	form := "15:04:05.000"
	if time.Since(at) > 12*time.Hour {
		form = time.DateTime
	}
	if from == to {
		return fmt.Sprintf("%s %s: %s", at.Format(form), strings.ReplaceAll(to, "_", " "), cause)
	}
	return fmt.Sprintf("%s %s → %s: %s", at.Format(form), from, to, cause)
}
