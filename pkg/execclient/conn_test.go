package execclient

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

const (
	runA = "0123456789abcdef0123456789abcdef"
	runB = "fedcba9876543210fedcba9876543210"
)

var (
	hash   = strings.Repeat("a", 64)
	moment = time.Date(2025, 3, 4, 5, 6, 7, 0, time.UTC)
)

func launchOf(incarnation string) spec.Launch {
	return spec.Launch{Project: "shop", Generation: 1, Hash: hash, Service: "api", Role: spec.RoleMain, Incarnation: incarnation}
}

func TestAnswersComeInOrderAndSayWhatTheyAnswer(t *testing.T) {
	failed := spec.Failed{Incarnation: runA, Stage: spec.StageExec, Errno: int(syscall.ENOENT), Detail: `no "x"`}
	exited := spec.Exited{Incarnation: runA, Status: 9, At: moment}
	c := dialed(t, func(f *fake) {
		launch, _ := f.request()
		if launch.Launch == nil || *launch.Launch != launchOf(runA) {
			f.t.Errorf("got %+v", launch)
		}
		signal, _ := f.request()
		if signal.Signal == nil || *signal.Signal != (spec.Signal{Incarnation: runA, Signal: 15, Group: true}) {
			f.t.Errorf("got %+v", signal)
		}
		kill, _ := f.request()
		if kill.Kill == nil || kill.Kill.Incarnation != runA {
			f.t.Errorf("got %+v", kill)
		}
		f.reply(spec.Reply{ID: signal.ID, Refused: &spec.Refused{Reason: spec.ReasonUnknown, Detail: "gone"}})
		f.reply(spec.Reply{Exited: &exited})
		f.reply(spec.Reply{ID: kill.ID, Done: &spec.Done{}})
		f.reply(spec.Reply{Emptied: &spec.Emptied{Incarnation: runB}})
		// A launch waits for its exec, and may be answered after the rest.
		f.reply(spec.Reply{ID: launch.ID, Failed: &failed})
		quit, _ := f.request()
		f.reply(spec.Reply{ID: quit.ID, Refused: &spec.Refused{Reason: spec.ReasonBusy}})
	})
	for _, err := range []error{
		c.Launch(launchOf(runA)),
		c.Signal(spec.Signal{Incarnation: runA, Signal: 15, Group: true}),
		c.Kill(spec.Kill{Incarnation: runA}),
		c.Quit(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	type line struct {
		request     Request
		incarnation string
		reply       any
		failure     bool
	}
	for i, want := range []line{
		{RequestSignal, runA, &spec.Refused{Reason: spec.ReasonUnknown, Detail: "gone"}, true},
		{"", runA, &exited, false},
		{RequestKill, runA, &spec.Done{}, false},
		{"", runB, &spec.Emptied{Incarnation: runB}, false},
		{RequestLaunch, runA, &failed, true},
		{RequestQuit, "", &spec.Refused{Reason: spec.ReasonBusy}, true},
	} {
		event := next(t, c)
		got := line{event.Request, event.Incarnation, message(event.Reply), event.Failure() != nil}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("event %d is %+v, want %+v", i, got, want)
		}
		if event.Reply.Failed != nil && (!errors.Is(event.Failure(), fs.ErrNotExist) || !strings.Contains(event.Failure().Error(), "stage exec")) {
			t.Errorf("the failure is %v", event.Failure())
		}
	}
	last := next(t, c)
	if last.Err != io.EOF || last.Failure() != io.EOF {
		t.Errorf("the last event is %+v", last)
	}
	wantEnd(t, c)
	if err := c.Quit(); !errors.Is(err, io.EOF) {
		t.Errorf("a request after the end: %v", err)
	}
}

// message is the one message of a reply.
func message(reply spec.Reply) any {
	v := reflect.ValueOf(reply)
	for i := 1; i < v.NumField(); i++ {
		if !v.Field(i).IsNil() {
			return v.Field(i).Interface()
		}
	}
	return nil
}

func TestDescriptorsBelongToTheirEvent(t *testing.T) {
	pidfd, err := sys.PidfdOpen(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	outR, outW, err := sys.LogPipe()
	if err != nil {
		t.Fatal(err)
	}
	errR, errW, err := sys.LogPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer sys.CloseAll([]int{pidfd, outR, outW, errR, errW})
	record := func(l spec.Launch) *spec.Record { return &spec.Record{Launch: l, PID: 7, Started: moment} }
	c := dialed(t, func(f *fake) {
		launch, _ := f.request()
		f.reply(spec.Reply{ID: launch.ID, Launched: &spec.Launched{Incarnation: runA, PID: os.Getpid()}}, pidfd, outR, errR)
		list, _ := f.request()
		over := record(launchOf(runB))
		over.Exited = &spec.Exited{Incarnation: runB, At: moment}
		f.reply(spec.Reply{ID: list.ID, Listed: &spec.Listed{Record: record(launchOf(runA))}}, pidfd, outR, errR)
		f.reply(spec.Reply{ID: list.ID, Listed: &spec.Listed{Record: over}}, outR, errR)
		f.reply(spec.Reply{ID: list.ID, Listed: &spec.Listed{Last: true}})
		f.end()
	})
	if err := errors.Join(c.Launch(launchOf(runA)), c.List()); err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		request     Request
		incarnation string
		pidFD       bool
		pipes       bool
	}{
		{RequestLaunch, runA, true, true},
		{RequestList, runA, true, true},
		{RequestList, runB, false, true},
		{RequestList, "", false, false},
	} {
		event := next(t, c)
		if event.Request != want.request || event.Incarnation != want.incarnation ||
			(event.PidFD != nil) != want.pidFD || (event.Stdout != nil) != want.pipes || (event.Stderr != nil) != want.pipes {
			t.Fatalf("event %d is %+v", i, event)
		}
		if want.pidFD {
			if err := sys.PidfdSignal(int(event.PidFD.Fd()), 0); err != nil {
				t.Errorf("event %d: its pidfd: %v", i, err)
			}
		}
		if want.pipes {
			wantLine(t, event.Stdout, outW, fmt.Sprintf("out %d", i))
			wantLine(t, event.Stderr, errW, fmt.Sprintf("err %d", i))
		}
		event.CloseFiles()
	}
}

// wantLine checks that r is the read end of the pipe that writeFD writes to.
func wantLine(t *testing.T, r *os.File, writeFD int, text string) {
	t.Helper()
	if _, err := unix.Write(writeFD, []byte(text)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	if n, err := r.Read(buf); err != nil || string(buf[:n]) != text {
		t.Errorf("read %q, %v, want %q", buf[:n], err, text)
	}
}

func TestRequestsNeverWait(t *testing.T) {
	const count = 5000 // Far more than a socket holds.
	sent := make(chan struct{})
	c := dialed(t, func(f *fake) {
		<-sent
		for i := range count {
			request, _ := f.request()
			if request.ID != uint64(i+2) || request.Launch == nil {
				f.t.Errorf("request %d is %+v", i, request)
				return
			}
			f.reply(spec.Reply{ID: request.ID, Failed: &spec.Failed{Incarnation: request.Launch.Incarnation, Stage: spec.StageClone}})
		}
	})
	for i := range count {
		if err := c.Launch(launchOf(fmt.Sprintf("%032x", i))); err != nil {
			t.Fatal(err)
		}
	}
	close(sent)
	for i := range count {
		if event := next(t, c); event.Incarnation != fmt.Sprintf("%032x", i) {
			t.Fatalf("event %d is %+v", i, event)
		}
	}
}

func TestAPeerThatNeverReadsLosesTheConnection(t *testing.T) {
	release := make(chan struct{})
	c := dialed(t, func(*fake) { <-release })
	defer close(release)
	var err error
	for i := 0; err == nil; i++ {
		if i > 1<<20 {
			t.Fatal("the queue has no end")
		}
		err = c.Launch(launchOf(runA))
	}
	if !errors.Is(err, errOverflow) {
		t.Errorf("got %v", err)
	}
	if event := next(t, c); !errors.Is(event.Err, errOverflow) {
		t.Errorf("the last event is %+v", event)
	}
	wantEnd(t, c)
}

func TestCloseEndsEverythingThoughNobodyTakesEvents(t *testing.T) {
	ended := make(chan struct{})
	c := dialed(t, func(f *fake) {
		list, _ := f.request()
		for range 200 { // More than the channel holds.
			f.reply(spec.Reply{ID: list.ID, Listed: &spec.Listed{Record: &spec.Record{
				Launch: launchOf(runA), PID: 1, Started: moment,
			}}}, 0, 0, 0)
		}
		f.end()
		close(ended)
	})
	before := openFDs(t)
	if err := c.List(); err != nil {
		t.Fatal(err)
	}
	next(t, c).CloseFiles()
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Error(err)
	}
	for event := range c.Events() {
		if event.Err != nil {
			t.Errorf("a connection closed by us tells %v", event.Err)
		}
		event.CloseFiles()
	}
	<-ended
	if after := openFDs(t); after > before {
		t.Errorf("%d descriptors open, %d before", after, before)
	}
	if err := c.Kill(spec.Kill{Incarnation: runA}); !errors.Is(err, ErrClosed) {
		t.Errorf("a request afterwards: %v", err)
	}
}

func TestAcksAreSplitIntoFrames(t *testing.T) {
	got := make(chan int, 10)
	c := dialed(t, func(f *fake) {
		for total := 0; total < 2*spec.MaxAcks+1; {
			request, _ := f.request()
			if request.Ack == nil {
				f.t.Errorf("got %+v", request)
				break
			}
			total += len(request.Ack.Incarnations)
			got <- len(request.Ack.Incarnations)
			f.reply(spec.Reply{ID: request.ID, Done: &spec.Done{}})
		}
		close(got)
	})
	if err := c.Ack(spec.Ack{}); err != nil {
		t.Error(err)
	}
	all := make([]string, 2*spec.MaxAcks+1)
	for i := range all {
		all[i] = runA
	}
	if err := c.Ack(spec.Ack{Incarnations: all}); err != nil {
		t.Error(err)
	}
	var sizes []int
	for size := range got {
		sizes = append(sizes, size)
	}
	if want := []int{spec.MaxAcks, spec.MaxAcks, 1}; !reflect.DeepEqual(sizes, want) {
		t.Errorf("frames of %v", sizes)
	}
}

func TestARequestThatBreaksARuleIsNotSent(t *testing.T) {
	c := dialed(t, func(f *fake) {
		if request, _ := f.request(); request.Kill == nil {
			f.t.Errorf("got %+v", request)
		}
	})
	if err := c.Launch(launchOf("me")); err == nil || !strings.Contains(err.Error(), "incarnation") {
		t.Errorf("got %v", err)
	}
	if err := c.Kill(spec.Kill{Incarnation: runA}); err != nil {
		t.Error(err)
	}
}
