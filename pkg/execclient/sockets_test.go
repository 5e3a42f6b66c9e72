package execclient

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

func childOf(run, parent string) spec.Record {
	launch := launchOf(run)
	launch.Role = spec.RoleChild
	return spec.Record{Launch: launch, PID: 1, Started: moment, Child: &spec.Child{
		Parent: parent, Name: "worker", Argv: []string{"true"}, Depth: 1,
	}}
}

// pipes makes as many descriptors, each with its number to be read from it.
func pipes(t *testing.T, count int) []int {
	t.Helper()
	var all []int
	for i := range count {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write([]byte{byte('0' + i)})
		w.Close()
		fd, err := sys.DupFD(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		all = append(all, fd)
	}
	t.Cleanup(func() { sys.CloseAll(all) })
	return all
}

// told is which descriptor a file is, "-" for none.
func told(file *os.File) string {
	if file == nil {
		return "-"
	}
	var text [1]byte
	_, _ = file.Read(text[:])
	return string(text[:])
}

func TestEachDescriptorOfARunComesToItsPlace(t *testing.T) {
	running := spec.Record{Launch: launchOf(runA), PID: 1, Started: moment}
	ended := running
	ended.Exited = &spec.Exited{Incarnation: runA, At: moment}
	child := childOf(runA, runB)
	listed := func(record spec.Record, notify, ready bool) spec.Reply {
		return spec.Reply{ID: 2, Listed: &spec.Listed{Record: &record, Notify: notify, Ready: ready}}
	}
	for _, test := range []struct {
		name  string
		reply spec.Reply
		fds   int
		want  string // pidfd, stdout, stderr, notify, ready
	}{
		{"a run with all", listed(running, true, true), 5, "01234"},
		{"a run with a notify socket", listed(running, true, false), 4, "0123-"},
		{"a run with a ready pipe", listed(running, false, true), 4, "012-3"},
		{"an adopted run with a notify socket", listed(running, true, false), 2, "0--1-"},
		{"an ended run with both", listed(ended, true, true), 4, "-0123"},
		{"an ended run with its pipes", listed(ended, false, false), 2, "-01--"},
		{"an ended run with nothing", listed(ended, false, false), 0, "-----"},
		{"a child", spec.Reply{Spawned: &spec.Spawned{Record: child}}, 3, "012--"},
	} {
		t.Run(test.name, func(t *testing.T) {
			fds := pipes(t, test.fds)
			c := dialed(t, func(f *fake) {
				f.request()
				f.reply(test.reply, fds...)
				f.end()
			})
			if err := c.List(); err != nil {
				t.Fatal(err)
			}
			event := next(t, c)
			defer event.CloseFiles()
			got := told(event.PidFD) + told(event.Stdout) + told(event.Stderr) + told(event.NotifyFD) + told(event.ReadyFD)
			if event.Err != nil || got != test.want || event.Incarnation != runA {
				t.Errorf("got %q of %q, %v, want %q", got, event.Incarnation, event.Err, test.want)
			}
		})
	}
}

func TestSocketsGoBothWays(t *testing.T) {
	fds := pipes(t, 2)
	received := make(chan int, 1)
	c := dialed(t, func(f *fake) {
		request, fds := f.request()
		received <- len(fds)
		if request.Listen == nil || !request.Listen.Watch {
			f.t.Errorf("asked %+v", request)
		}
		f.reply(spec.Reply{ID: request.ID, Listening: &spec.Listening{Names: []string{"b", "a"}}}, fds...)
		f.end()
	})
	before := openFDs(t)
	var files []*os.File
	for _, fd := range fds {
		copied, err := unix.Dup(fd)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, os.NewFile(uintptr(copied), "sent"))
	}
	err := c.Listen(spec.Listen{Project: "p", Generation: 1, Hash: hash, Service: "s", Names: []string{"b", "a"}, Watch: true}, files)
	if err != nil {
		t.Fatal(err)
	}
	event := next(t, c)
	if event.Err != nil || event.Project != "p" || event.Service != "s" || len(event.Sockets) != 2 {
		t.Fatalf("got %+v", event)
	}
	if n := <-received; n != 2 {
		t.Errorf("%d descriptors arrived", n)
	}
	if got := told(event.Sockets[0]) + event.Sockets[0].Name() + told(event.Sockets[1]) + event.Sockets[1].Name(); got != "0b1a" {
		t.Errorf("the sockets are %q", got)
	}
	event.CloseFiles()
	if after := openFDs(t); after > before+2 { // The script's own copies.
		t.Errorf("%d descriptors open, %d before", after, before)
	}
}

func TestFilesAreClosedWhereTheyCannotBeSent(t *testing.T) {
	c := dialed(t, func(f *fake) { f.end() })
	_ = c.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := c.Keep(spec.Keep{Incarnation: runA, Name: "x"}, []*os.File{r}); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	if err := r.Close(); !errors.Is(err, os.ErrClosed) {
		t.Error("the file is still open")
	}
}

func TestWhatIsAskedOfGenerationsAndSocketsIsAnswered(t *testing.T) {
	c := dialed(t, func(f *fake) {
		for range 5 {
			request, fds := f.request()
			sys.CloseAll(fds)
			reply := spec.Reply{ID: request.ID, Done: &spec.Done{}}
			switch {
			case request.Activate != nil && request.Activate.Number == 2:
				reply = spec.Reply{ID: request.ID, Installed: &spec.Installed{Project: "p", Number: 4, Hash: hash, Changed: true}}
			case request.Activate != nil:
				reply = spec.Reply{ID: request.ID, Refused: &spec.Refused{Reason: spec.ReasonUnknown, Detail: "no such generation"}}
			}
			f.reply(reply)
		}
		f.end()
	})
	installed, err := c.AwaitActivate(spec.Activate{Project: "p", Number: 2})
	if err != nil || installed.Number != 4 {
		t.Errorf("got %+v, %v", installed, err)
	}
	var refused *Refused
	if _, err := c.AwaitActivate(spec.Activate{Project: "p", Number: 9}); !errors.As(err, &refused) || refused.Reason != spec.ReasonUnknown {
		t.Errorf("got %v", err)
	}
	if err := c.AwaitRemove(spec.Remove{Project: "p"}); err != nil {
		t.Error(err)
	}
	if err := errors.Join(c.Main(spec.Main{Incarnation: runA, PID: 5}), c.Drop(spec.Drop{Incarnation: runB, Name: "x"})); err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		request     Request
		incarnation string
	}{{RequestMain, runA}, {RequestDrop, runB}} {
		event := next(t, c)
		if event.Failure() != nil || event.Request != want.request || event.Incarnation != want.incarnation {
			t.Errorf("got %+v", event)
		}
	}
}
