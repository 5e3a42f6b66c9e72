package supervisor

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"sync"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/logs"
	"systemg.org/sysg/pkg/machine"
)

// Logs emits the lines of a service's log that are asked for, and with follow
// what comes.
func (s *Supervisor) Logs(ctx context.Context, _ api.Caller, params api.Logs, emit func(api.Reply) error) error {
	q, err := query(params)
	if err != nil {
		return err
	}
	if err := s.hasService(ctx, params.Project, params.Service); err != nil {
		return err
	}
	write := func(line logs.Line) error { return emit(api.Reply{Line: output(params.Project, params.Service, line)}) }
	if params.All {
		return all(s.logs.History(params.Project, params.Service, q), write)
	}
	lines, position, err := s.logs.Tail(params.Project, params.Service, params.Lines, q)
	if err != nil {
		return err
	}
	for _, line := range lines {
		if err := write(line); err != nil {
			return err
		}
	}
	if !params.Follow {
		return nil
	}
	followed := []logs.Followed{{Project: params.Project, Service: params.Service, From: position}}
	err = s.logs.FollowAll(ctx, followed, q, func(_ int, line logs.Line) error { return write(line) })
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func all(lines iter.Seq2[logs.Line, error], write func(logs.Line) error) error {
	for line, err := range lines {
		if err == nil {
			err = write(line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// query is what a client wants to see of a log.
func query(params api.Logs) (logs.Query, error) {
	q := logs.Query{Stream: params.Stream}
	if params.Invocation != "" {
		q.Runs = []string{params.Invocation}
	}
	var err error
	if q.Since, err = moment(params.Since); err != nil {
		return q, err
	}
	if q.Until, err = moment(params.Until); err != nil {
		return q, err
	}
	if params.Grep != "" {
		pattern, err := regexp.Compile(params.Grep)
		if err != nil {
			return q, &api.Diagnostic{Code: api.CodeConflict, Title: fmt.Sprintf("%q is not a regular expression: %v", params.Grep, err)}
		}
		q.Grep = pattern
	}
	if params.All && params.Follow {
		return q, &api.Diagnostic{Code: api.CodeConflict, Title: "all of a log has an end: it cannot be followed"}
	}
	return q, nil
}

// moment reads a time, "" for none.
func moment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return at, &api.Diagnostic{Code: api.CodeConflict, Title: fmt.Sprintf("%q is not a time (RFC 3339)", text)}
	}
	return at, nil
}

func (s *Supervisor) hasService(ctx context.Context, project, service string) error {
	return s.consult(ctx, func() error {
		p := s.projects[project]
		if p == nil {
			return unknownProject(project)
		}
		_, err := p.pick([]string{service})
		return err
	})
}

// ClearLogs removes what a service's log holds, or its oldest files. The log may
// be that of a service which is no more.
func (s *Supervisor) ClearLogs(_ context.Context, _ api.Caller, params api.ClearLogs) (api.Cleared, error) {
	what := logs.Clear{}
	if params.MaxBytes != nil {
		bound := int64(max(*params.MaxBytes, 0))
		what.MaxBytes = &bound
	}
	if params.OlderThan != nil {
		what.Before = time.Now().Add(-time.Duration(*params.OlderThan) * time.Millisecond)
	}
	done, err := s.logs.Clear(params.Project, params.Service, what)
	return api.Cleared{Files: done.Files, Bytes: int(done.Bytes)}, err
}

// lineTime is the form of times in a log: as in its file.
const lineTime = "2006-01-02T15:04:05.000000Z07:00"

// output is a line for a client. One of a raw log has no time and no stream.
func output(project, service string, line logs.Line) *api.Line {
	shown := &api.Line{Project: project, Service: service, Stream: line.Stream, Text: line.Text}
	if !line.Time.IsZero() {
		shown.Time = line.Time.UTC().Format(lineTime)
	}
	return shown
}

// positions are the ends of the logs of a project's services as they are now.
func (s *Supervisor) positions(project string) []logs.Followed {
	number, err := s.generations.Active(project)
	if err != nil {
		return nil
	}
	supervise, err := s.generations.Supervise(project, number)
	if err != nil {
		return nil
	}
	var all []logs.Followed
	for _, service := range supervise.Services {
		// A log that cannot be read is followed from its beginning.
		_, position, _ := s.logs.Tail(project, service.Name, 0, logs.Query{})
		all = append(all, logs.Followed{Project: project, Service: service.Name, From: position})
	}
	return all
}

// foreground starts a project and passes its output on until it has ended, or
// the client has gone: then the project is stopped.
func (s *Supervisor) foreground(ctx context.Context, by api.Caller, params api.Start, emit func(api.Reply) error) (api.Result, error) {
	from := s.positions(params.Project)
	following, cancel := context.WithCancel(ctx)
	defer cancel()
	var one sync.Mutex // progress and output come from two goroutines
	tell := func(reply api.Reply) error {
		one.Lock()
		defer one.Unlock()
		return emit(reply)
	}
	var result api.Result
	ended := make(chan error, 1)
	go func() {
		var err error
		result, err = s.runToEnd(ctx, by, params, tell)
		cancel()
		ended <- err
	}()
	followErr := s.logs.FollowAll(following, from, logs.Query{}, func(i int, line logs.Line) error {
		return tell(api.Reply{Line: output(params.Project, from[i].Service, line)})
	})
	cancel()
	if !errors.Is(followErr, context.Canceled) {
		s.abandon(params.Project, by)
		return api.Result{}, followErr
	}
	err := <-ended
	if err != nil {
		s.abandon(params.Project, by)
	}
	return result, err
}

// runToEnd starts a project, says how that went, and waits for its end.
func (s *Supervisor) runToEnd(ctx context.Context, by api.Caller, params api.Start, emit func(api.Reply) error) (api.Result, error) {
	result, err := s.perform(ctx, emit, func() (*op, error) { return s.start(by, params) })
	if err != nil {
		return result, err
	}
	s.explain(ctx, &result)
	if err := emit(api.Reply{Result: &result}); err != nil {
		return result, err
	}
	return s.perform(ctx, emit, func() (*op, error) { return s.untilEnded(params.Project) })
}

// untilEnded waits until nothing of a project is left, its output included.
func (s *Supervisor) untilEnded(name string) (*op, error) {
	p := s.projects[name]
	if p == nil {
		return nil, unknownProject(name)
	}
	return &op{
		concerns: func(v *service) bool { return v.project == p }, silent: true,
		finished: func() (api.Result, bool) {
			for _, v := range p.services {
				if v.state.Alive() || v.wanted && !v.state.Settled() {
					return api.Result{}, false
				}
				if len(v.children) > 0 || v.wanted && (v.state == machine.Listening || v.comes()) {
					return api.Result{}, false
				}
				if v.wanted && !v.retryAt.IsZero() {
					return api.Result{}, false
				}
			}
			return api.Result{OK: true, Message: subject(name, nil) + " ended"}, true
		},
	}, nil
}

// abandon stops a foreground project whose client is gone.
func (s *Supervisor) abandon(project string, by api.Caller) {
	s.inbox.post(func() {
		p := s.projects[project]
		// By now it may be another client's.
		if p == nil || !p.foreground || p.attached != by {
			return
		}
		cause := asked(by, "stop, by leaving the foreground")
		for _, v := range p.services {
			v.wanted, v.again, v.wish = false, false, cause
		}
		s.touch(p)
	})
}
