package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
)

// foreground starts projects that live as long as we do, and shows what they
// print. Interrupted, we hang up, which stops them, and stay until that is so.
func (s *start) foreground(ctx context.Context, a *app, selections []selection, numbers map[string]int) error {
	if !a.out.scripted && !a.out.quiet {
		for _, sel := range selections {
			fmt.Fprintf(a.out.stdout, "Starting project '%s' in the foreground…\n", sel.project)
		}
	}
	attached, release := interruptible(ctx)
	defer release()
	screen := &screen{out: a.out, told: map[string]bool{}, stderr: s.stderr}
	result, err := a.each(attached, selections, func(ctx context.Context, conn *client.Conn, sel selection) (api.Result, error) {
		p := s.call(sel, numbers)
		p.Foreground = true
		result, err := conn.Start(ctx, p, func(reply api.Reply) error {
			if reply.Result != nil { // of the start; what follows is the life
				a.warnOfLess([]selection{sel})
			}
			return screen.show(reply)
		})
		if ctx.Err() != nil {
			return api.Result{OK: true}, nil
		}
		return result, err
	})
	if attached.Err() != nil {
		if err := a.leave(ctx, selections); err != nil {
			return err
		}
		return interruption(attached)
	}
	if errors.Is(err, client.ErrWentAway) {
		// What it left of ours has no client any more: the next supervisor ends it.
		if conn, again := a.reach(); again == nil {
			_ = conn.Close()
		}
	}
	if err != nil {
		return err
	}
	return a.ended(ctx, selections, result, screen)
}

// leave waits until the projects are stopped. One that was running in the
// background before we came goes on.
func (a *app) leave(ctx context.Context, selections []selection) error {
	conn, err := a.instance.another()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	snapshot, err := conn.Status(ctx, api.Status{})
	if err != nil {
		return err
	}
	ours := map[string]bool{}
	for _, unit := range snapshot.Units {
		ours[unit.Project.ID] = unit.Project.Mode == "foreground"
	}
	var stopped []selection
	for _, s := range selections {
		if ours[s.project] {
			stopped = append(stopped, selection{project: s.project})
		}
	}
	if len(stopped) == 0 {
		a.out.success(api.Result{OK: true, Message: fmt.Sprintf("Left %s running", names(selections))})
		return nil
	}
	result, err := a.each(ctx, stopped, func(ctx context.Context, conn *client.Conn, s selection) (api.Result, error) {
		return conn.Stop(ctx, api.Stop{Project: s.project}, nil)
	})
	if err != nil {
		return err
	}
	return a.settle(stopped, "stopped", result)
}

// ended is the end of projects that ended by themselves, or by another's stop.
// It is a failure where a service's end was one.
func (a *app) ended(ctx context.Context, selections []selection, result api.Result, screen *screen) error {
	conn, err := a.instance.another()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	snapshot, err := conn.Status(ctx, api.Status{})
	if err != nil {
		return err
	}
	bad := false
	for _, unit := range snapshot.Units {
		if unit.Health != "failing" || !selected(unit, selections) {
			continue
		}
		bad = true
		if !screen.told[unit.Name] {
			a.out.diagnostic("error", api.Diagnostic{
				Code: api.CodeStartFailed, Title: fmt.Sprintf("Service '%s' is %s: %s", unit.Name, words(unit.Phase), unit.Cause),
				Help: []api.Help{{Label: "its output", Command: "sysg logs -s " + unit.Name}},
			})
		}
	}
	if bad {
		return exit(failed)
	}
	result.Message = fmt.Sprintf("Project %s ended", names(selections))
	a.out.success(result)
	return nil
}

// screen is where the output of several services meets.
type screen struct {
	out *output
	// stderr: what services write there goes to ours.
	stderr bool

	mu sync.Mutex
	// told are the services whose failure has been told.
	told map[string]bool
}

// show takes one reply of a foreground start: a line, a step, or, in the
// middle, the result of the start itself.
func (s *screen) show(reply api.Reply) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case reply.Line != nil && s.stderr && reply.Line.Stream == "stderr":
		fmt.Fprintf(s.out.stderr, "[%s:stderr] %s\n", reply.Line.Service, reply.Line.Text)
	case reply.Line != nil:
		s.out.line(*reply.Line, withService)
	case reply.Progress != nil && s.out.verbose:
		fmt.Fprintln(s.out.stderr, stepLine(*reply.Progress))
	case reply.Result != nil:
		for _, d := range failuresFrom(reply.Result.Failed) {
			s.told[d.Service] = true
			s.out.diagnostic("error", d)
		}
	}
	return nil
}
