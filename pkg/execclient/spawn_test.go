package execclient

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// asked answers one request on a spawn.sock.
func asked(t *testing.T, answer func(f *fake, ask spec.Spawn)) (path string) {
	t.Helper()
	return serve(t, func(f *fake) {
		waitFor(f.fd, unix.POLLIN)
		buf := make([]byte, spec.MaxFrame)
		n, fds, err := sys.ReceivePacket(f.fd, buf)
		if err != nil {
			f.t.Error(err)
			return
		}
		sys.CloseAll(fds)
		ask, err := spec.DecodeSpawn(buf[:n])
		if err != nil {
			f.t.Error(err)
		}
		answer(f, ask)
	})
}

func TestSpawnTellsOfTheChildOrOfTheLimit(t *testing.T) {
	ask := spec.Spawn{Name: "w", Argv: []string{"work"}, ParentPID: 7}
	for _, test := range []struct{ name, answer, limit, want string }{
		{"a child", `{"pid":7,"incarnation":"` + runA + `"}`, "", ""},
		{"a limit", `{"error":"no more than 3","limit":"children"}`, "children", "no more than 3"},
		{"an error", `{"error":"not inside a service"}`, "", "not inside"},
		{"garbage", "\x00", "", "not a JSON object"},
		{"neither", `{}`, "", "pid"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := asked(t, func(f *fake, got spec.Spawn) {
				if got.Name != ask.Name || got.ParentPID != 7 {
					f.t.Errorf("asked %+v", got)
				}
				f.raw([]byte(test.answer))
			})
			reply, err := Spawn(path, ask)
			var refused *SpawnRefused
			switch {
			case test.want == "" && (err != nil || reply.PID != 7 || reply.Incarnation != runA):
				t.Errorf("got %+v, %v", reply, err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want %q", err, test.want)
			case test.limit != "" && (!errors.As(err, &refused) || refused.Limit != test.limit):
				t.Errorf("got %+v", err)
			}
		})
	}
}

func TestSpawnDoesNotWaitForEver(t *testing.T) {
	ask := spec.Spawn{Name: "w", Argv: []string{"work"}}
	path := asked(t, func(f *fake, _ spec.Spawn) { f.end() })
	if _, err := spawn(path, ask, 10*time.Millisecond); !errors.Is(err, errNoAnswer) {
		t.Errorf("got %v", err)
	}
	path = asked(t, func(*fake, spec.Spawn) {})
	if _, err := Spawn(path, ask); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("hung up: %v", err)
	}
	if _, err := Spawn(filepath.Join(t.TempDir(), "none"), ask); !errors.Is(err, unix.ENOENT) {
		t.Errorf("nobody there: %v", err)
	}
	if _, err := Spawn(path, spec.Spawn{Name: "../x", Argv: []string{"work"}}); err == nil {
		t.Error("a path for a name was sent")
	}
}
