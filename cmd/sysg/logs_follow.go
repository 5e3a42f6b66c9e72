package main

import (
	"context"
	"errors"
	"iter"
	"sync"

	"systemg.org/sysg/pkg/logs"
)

// history prints all that there is. Of several services the lines are merged
// by their times, while no more than one of each is in memory.
func (v *viewer) history(ctx context.Context) error {
	var streams []*stream
	for _, t := range v.targets {
		sources := []iter.Seq2[logs.Line, error]{logs.History(v.dir, t.project, t.service, v.command.query)}
		if t.journaled {
			sources = append(sources, journalHistory(ctx, t, v.command.query))
		}
		for _, source := range sources {
			next, stop := iter.Pull2(source)
			defer stop()
			s := &stream{of: t, next: next}
			if err := s.advance(); err != nil {
				return err
			}
			streams = append(streams, s)
		}
	}
	for {
		var first *stream
		for _, s := range streams {
			if s.has && (first == nil || s.line.Time.Before(first.line.Time)) {
				first = s
			}
		}
		if first == nil {
			return nil
		}
		if v.print(first.of, first.line); v.broken() {
			return nil // The flush says why.
		}
		if err := first.advance(); err != nil {
			return err
		}
	}
}

// stream is a log that is read line by line.
type stream struct {
	of   logTarget
	next func() (logs.Line, error, bool)
	line logs.Line
	has  bool
}

func (s *stream) advance() (err error) {
	s.line, err, s.has = s.next()
	return err
}

// follow prints the last lines and then what comes, until it is interrupted. It
// reads files, so that neither the end of a service nor of a daemon ends it.
func (v *viewer) follow(ctx context.Context) error {
	ctx, release := interruptible(ctx)
	defer release()
	ends, err := v.tail(ctx)
	if err != nil {
		return err
	}
	var printing sync.Mutex
	emit := func(i int, line logs.Line) error {
		printing.Lock()
		defer printing.Unlock()
		v.print(v.targets[i], line)
		return nil
	}
	ended := make(chan error, len(v.targets)+1)
	running := 1
	go func() { ended <- logs.FollowAll(ctx, v.dir, ends, v.command.query, emit) }()
	for i, t := range v.targets {
		if t.journaled {
			running++
			go func() {
				ended <- journalFollow(ctx, t, v.command.query, func(line logs.Line) error { return emit(i, line) })
			}()
		}
	}
	err = <-ended
	release()
	for range running - 1 {
		<-ended
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
