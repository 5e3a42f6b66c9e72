package execclient

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"systemg.org/sysg/pkg/spec"
)

func TestHelloThatIsNotAnswered(t *testing.T) {
	for _, test := range []struct {
		name   string
		script func(*fake)
		want   string
	}{
		{"closed at once", func(*fake) {}, "cannot talk to sysg-exec"},
		{"silent", func(f *fake) { f.end() }, "does not answer"},
		{"garbage", func(f *fake) { f.request(); f.raw([]byte("HTTP/1.1 400 Bad Request")) }, "broke the protocol"},
		{"half a frame", func(f *fake) { f.request(); f.raw([]byte(`{"id":1,"hello":{"ver`)) }, "broke the protocol"},
		{"another answer", func(f *fake) { f.request(); f.reply(spec.Reply{ID: 1, Done: &spec.Done{}}) }, "no hello"},
		{"another id", func(f *fake) { f.request(); f.reply(spec.Reply{ID: 2, Hello: &spec.Hello{Version: 1, Min: 1}}) }, "no hello"},
		{"descriptors", func(f *fake) { f.request(); f.reply(spec.Reply{ID: 1, Hello: &spec.Hello{Version: 1, Min: 1}}, 0, 0) }, "descriptors"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := serve(t, test.script)
			before := openFDs(t)
			if _, err := dial(path, time.Second); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			// The other side's end may or may not be closed yet.
			if after := openFDs(t); after > before+1 {
				t.Errorf("%d descriptors open, %d before", after, before)
			}
		})
	}
}

func TestVersionsWithoutOverlapAreRefused(t *testing.T) {
	for name, reply := range map[string]spec.Reply{
		"it refuses": {ID: 1, Refused: &spec.Refused{Reason: spec.ReasonVersion, Detail: "too old"}},
		"we refuse":  {ID: 1, Hello: &spec.Hello{Version: spec.Version + 7, Min: spec.Version + 1}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Dial(serve(t, func(f *fake) { f.request(); f.reply(reply) }))
			var refused *Refused
			if !errors.As(err, &refused) || refused.Reason != spec.ReasonVersion || refused.Detail == "" {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestANewerPeerThatKnowsOurVersionIsTaken(t *testing.T) {
	c, err := Dial(serve(t, func(f *fake) {
		f.request()
		f.reply(spec.Reply{ID: 1, Hello: &spec.Hello{Version: spec.Version + 7, Min: spec.Version}})
	}))
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}

func TestNobodyListens(t *testing.T) {
	if _, err := Dial(filepath.Join(t.TempDir(), "s")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestTheSocketOfAnotherUserIsRefused makes a socket that another uid listens
// on: SO_PEERCRED shows the credentials of the thread that called listen(2).
func TestTheSocketOfAnotherUserIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("needs root")
		}
		t.Skip("needs root")
	}
	dir, err := os.MkdirTemp("", "sysg")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	listened := make(chan error)
	go func() {
		runtime.LockOSThread() // Never unlocked: the thread ends with its uid.
		keep := ^uintptr(0)
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, keep, 1234, keep); errno != 0 {
			listened <- errno
			return
		}
		listened <- unix.Listen(fd, 1)
	}()
	if err := <-listened; err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(path); err == nil || !strings.Contains(err.Error(), "belongs to uid 1234") {
		t.Errorf("got %v", err)
	}
}
