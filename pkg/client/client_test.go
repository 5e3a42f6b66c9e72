package client

import (
	"bufio"
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"systemg.org/sysg/pkg/api"
)

const infoReply = `{"parameters":{"version":"1.2.3"}}` + "\x00"

// daemon accepts one connection and plays script: a word for each thing to
// do, "?" reads a call, "hang" waits for the client to leave, all else is said.
func daemon(t *testing.T, script ...string) (path string, calls chan string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "control.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	calls = make(chan string, len(script))
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		reader := bufio.NewReader(conn)
		for _, word := range script {
			switch word {
			case "?":
				call, _ := reader.ReadString(0)
				calls <- strings.TrimSuffix(call, "\x00")
			case "hang":
				_, _ = reader.ReadString(0)
			default:
				_, _ = conn.Write([]byte(word))
			}
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); <-done })
	return path, calls
}

func connect(t *testing.T, path string) *Conn {
	t.Helper()
	conn, err := Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestProgressComesAndThenTheResult(t *testing.T) {
	path, calls := daemon(t, "?", infoReply, "?",
		`{"parameters":{"progress":{"service":"api","phase":"ready"}},"continues":true}`+"\x00",
		`{"parameters":{"result":{"ok":true,"newer":1}}}`+"\x00")
	var phases []string
	result, err := connect(t, path).Start(context.Background(), api.Start{Project: "shop"}, func(r api.Reply) error {
		phases = append(phases, r.Progress.Service+" "+r.Progress.Phase)
		return nil
	})
	if err != nil || !result.OK || strings.Join(phases, ",") != "api ready" {
		t.Errorf("result %+v, %v, phases %q", result, err, phases)
	}
	if got, want := <-calls, `{"method":"org.varlink.service.GetInfo"}`; got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
	const want = `{"method":"org.systemg.Control.Start",` +
		`"parameters":{"project":"shop","generation":0,"services":[],"foreground":false},"more":true}`
	if got := <-calls; got != want {
		t.Errorf("asked\n%s, want\n%s", got, want)
	}
}

func TestTheGreetingIsSentOnce(t *testing.T) {
	status := `{"parameters":{"snapshot":{"schema_version":"status.v1"}}}` + "\x00"
	path, calls := daemon(t, "?", infoReply, "?", status, "?", status)
	conn := connect(t, path)
	for range 2 {
		if snapshot, err := conn.Status(context.Background(), api.Status{}); err != nil || snapshot.SchemaVersion != api.SchemaVersion {
			t.Fatal(snapshot, err)
		}
	}
	if info, err := conn.Info(context.Background()); err != nil || info.Version != "1.2.3" {
		t.Error(info, err)
	}
	<-calls
	for range 2 {
		if got := <-calls; !strings.Contains(got, api.MethodStatus) {
			t.Errorf("asked %s", got)
		}
	}
}

func TestWhatGoesWrongHasACode(t *testing.T) {
	for _, test := range []struct {
		name   string
		script []string
		code   string
	}{
		{"a diagnostic", []string{
			"?", infoReply, "?",
			`{"error":"org.systemg.Control.Failed","parameters":{"code":"SG0202","title":"no service \"x\""}}` + "\x00",
		}, api.CodeUnknownUnit},
		{"denied before anything was read", []string{
			`{"error":"org.systemg.Control.Denied","parameters":{"uid":7,"needs":"viewer"}}` + "\x00",
		}, api.CodeNeedsRoot},
		{"gone before a word", []string{}, api.CodeNoSupervisor},
		{"gone in the middle of a word", []string{"?", infoReply, "?", `{"param`}, api.CodeNoSupervisor},
		{"silent from the start", []string{"?", "?", "hang"}, api.CodeNotAnswering},
		{"silent after the greeting", []string{"?", infoReply, "?", "hang"}, api.CodeNotAnswering},
	} {
		t.Run(test.name, func(t *testing.T) {
			path, _ := daemon(t, test.script...)
			conn := connect(t, path)
			conn.AnswerWithin = 200 * time.Millisecond
			_, err := conn.Status(context.Background(), api.Status{})
			var d *api.Diagnostic
			if !errors.As(err, &d) || d.Code != test.code {
				t.Errorf("got %v, want %s", err, test.code)
			}
		})
	}
}

func TestAMutationMayTakeItsTime(t *testing.T) {
	path, _ := daemon(t, "?", infoReply, "?", "hang")
	conn := connect(t, path)
	conn.AnswerWithin = 50 * time.Millisecond
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if _, err := conn.Stop(ctx, api.Stop{}, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ended with %v, want our own end", err)
	}
}

func TestEndingTheContextHangsUp(t *testing.T) {
	path, _ := daemon(t, "?", infoReply, "?",
		`{"parameters":{"line":{"text":"hello"}},"continues":true}`+"\x00", "hang")
	ctx, cancel := context.WithCancel(context.Background())
	err := connect(t, path).Logs(ctx, api.Logs{Follow: true}, func(l api.Line) error {
		if l.Text != "hello" {
			t.Errorf("line %q", l.Text)
		}
		cancel() // the daemon's script, and with it the test, ends only if we hang up
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

func TestNobodyListens(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale.sock")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	_ = listener.Close()
	for _, path := range []string{stale, filepath.Join(dir, "none.sock")} {
		if _, err := Dial(path); !errors.Is(err, ErrNotRunning) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
