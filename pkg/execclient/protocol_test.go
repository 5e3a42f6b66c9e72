package execclient

import (
	"errors"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

func TestWhatBreaksTheProtocolEndsTheConnection(t *testing.T) {
	launched := spec.Reply{ID: 2, Launched: &spec.Launched{Incarnation: runA, PID: 1}}
	listed := spec.Reply{ID: 3, Listed: &spec.Listed{Record: &spec.Record{Launch: launchOf(runA), PID: 1, Started: moment}}}
	over := spec.Reply{ID: 3, Listed: &spec.Listed{Record: &spec.Record{
		Launch: launchOf(runA), PID: 1, Started: moment, Exited: &spec.Exited{Incarnation: runA, At: moment},
	}}}
	said := func(reply spec.Reply, fds ...int) func(*fake) {
		return func(f *fake) { f.reply(reply, fds...) }
	}
	for _, test := range []struct {
		name   string
		script func(*fake)
		want   string
	}{
		{"garbage", func(f *fake) { f.raw([]byte("\x00\x01\x02"), 0) }, "not a JSON object"},
		{"half a frame", func(f *fake) { f.raw([]byte(`{"id":2,"done":{`), 0) }, "does not end"},
		{"a huge frame", func(f *fake) { f.raw(make([]byte, spec.MaxFrame+1), 0) }, "does not fit"},
		{"too many descriptors", func(f *fake) { f.raw([]byte(`{"id":0}`), make([]int, sys.MaxFDs+1)...) }, "does not fit"},
		{"launched with four", said(launched, 0, 0, 0, 0), "4 descriptors"},
		{"launched with the two that it does not tell of", said(launched, 0, 0, 0, 0, 0), "5 descriptors"},
		{"launched without the two that it tells of", said(spec.Reply{ID: 2, Launched: &spec.Launched{Incarnation: runA, PID: 1, Notify: true, Ready: true}}, 0), "1 descriptors"},
		{"spawned without a pidfd", said(spec.Reply{Spawned: &spec.Spawned{Record: childOf(runB, runA)}}), "0 descriptors"},
		{"wanted with one", said(spec.Reply{Wanted: &spec.Wanted{Project: "p", Service: "s"}}, 0), "1 descriptors"},
		{"listening, for a launch", said(spec.Reply{ID: 2, Listening: &spec.Listening{}}), "request 2"},
		{"listed with two", said(listed, 0, 0), "2 descriptors"},
		{"listed and over with three", said(over, 0, 0, 0), "3 descriptors"},
		{"an event with one", said(spec.Reply{Emptied: &spec.Emptied{Incarnation: runA}}, 0), "1 descriptors"},
		{"the last with one", said(spec.Reply{ID: 3, Listed: &spec.Listed{Last: true}}, 0), "1 descriptors"},
		{"an answer that nobody waits for", said(spec.Reply{ID: 9, Done: &spec.Done{}}), "request 9"},
		{"a second answer", func(f *fake) {
			f.reply(spec.Reply{ID: 2, Refused: &spec.Refused{Reason: spec.ReasonPeer}})
			f.reply(spec.Reply{ID: 2, Refused: &spec.Refused{Reason: spec.ReasonPeer}})
		}, "request 2"},
		{"another run", said(spec.Reply{ID: 2, Launched: &spec.Launched{Incarnation: runB, PID: 1}}, 0, 0, 0), "request 2"},
		{"another run failed", said(spec.Reply{ID: 2, Failed: &spec.Failed{Incarnation: runB, Stage: spec.StageExec}}), "request 2"},
		{"done instead of launched", said(spec.Reply{ID: 2, Done: &spec.Done{}}), "request 2"},
		{"hello again", said(spec.Reply{ID: 2, Hello: &spec.Hello{Version: 1, Min: 1}}), "request 2"},
		{"installed, for a list", said(spec.Reply{ID: 3, Installed: &spec.Installed{Project: "p", Number: 1, Hash: hash}}), "request 3"},
		{"our frame is refused", said(spec.Reply{Refused: &spec.Refused{Reason: spec.ReasonProtocol, Detail: "what?"}}), "what?"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ended := make(chan struct{})
			c := dialed(t, func(f *fake) {
				f.request()
				f.request()
				test.script(f)
				f.end()
				close(ended)
			})
			before := openFDs(t)
			if err := errors.Join(c.Launch(launchOf(runA)), c.List()); err != nil {
				t.Fatal(err)
			}
			event := next(t, c)
			if event.Err == nil { // The first of two answers.
				event = next(t, c)
			}
			if event.Err == nil || !strings.Contains(event.Err.Error(), test.want) {
				t.Errorf("got %+v, want %q", event, test.want)
			}
			wantEnd(t, c)
			<-ended
			if after := openFDs(t); after > before {
				t.Errorf("%d descriptors open, %d before", after, before)
			}
		})
	}
}
