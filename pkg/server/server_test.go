package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"systemg.org/sysg/pkg/api"
)

const getInfoCall = `{"method":"org.varlink.service.GetInfo"}` + "\x00"

func TestCallsAndTheirReplies(t *testing.T) {
	f := newFake()
	close(f.release)
	path := serve(t, f, Options{Version: "1.2.3"})
	for _, test := range []struct {
		name, call string
		replies    []string
	}{
		{"get info", getInfoCall, []string{
			`{"parameters":{"vendor":"systemg.org","product":"sysgd","version":"1.2.3","url":"https://systemg.org",` +
				`"interfaces":["org.varlink.service","org.systemg.Control"]}}`,
		}},
		{"an interface that is not there", `{"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":"x.y"}}` + "\x00", []string{
			`{"parameters":{"interface":"x.y"},"error":"org.varlink.service.InterfaceNotFound"}`,
		}},
		{"a method that is not there", `{"method":"org.systemg.Control.Sing"}` + "\x00", []string{
			`{"parameters":{"method":"org.systemg.Control.Sing"},"error":"org.varlink.service.MethodNotFound"}`,
		}},
		{"an unknown parameter", `{"method":"org.systemg.Control.Stop","parameters":{"projet":"x"}}` + "\x00", []string{
			`{"parameters":{"parameter":"json: unknown field \"projet\""},"error":"org.varlink.service.InvalidParameter"}`,
		}},
		{"a mutation with more", `{"method":"org.systemg.Control.Start","parameters":{"project":"p","services":["a"]},"more":true}` + "\x00", []string{
			`{"parameters":{"progress":{"project":"p","service":"a","phase":"","cause":""}},"continues":true}`,
			`{"parameters":{"result":{"ok":true,"message":"","failed":[],"units":[]}}}`,
		}},
		{"a mutation without more", `{"method":"org.systemg.Control.Start","parameters":{"project":"p","services":["a"]}}` + "\x00", []string{
			`{"parameters":{"result":{"ok":true,"message":"","failed":[],"units":[]}}}`,
		}},
		{"a foreground start without more", `{"method":"org.systemg.Control.Start","parameters":{"foreground":true}}` + "\x00", []string{
			`{"parameters":{},"error":"org.varlink.service.ExpectedMore"}`,
		}},
		{"logs without more", `{"method":"org.systemg.Control.Logs","parameters":{"follow":true}}` + "\x00", []string{
			`{"parameters":{},"error":"org.varlink.service.ExpectedMore"}`,
		}},
		{"logs", `{"method":"org.systemg.Control.Logs","parameters":{"lines":1},"more":true}` + "\x00", []string{
			`{"parameters":{"line":{"project":"","service":"","time":"","stream":"","text":"hello"}},"continues":true}`,
			`{"parameters":{}}`,
		}},
		{"a diagnostic", `{"method":"org.systemg.Control.Restart","parameters":{"project":"p"}}` + "\x00", []string{
			`{"parameters":{"code":"SG0202","title":"no project p","project":"","service":"","notes":[],"evidence":[],"help":[]},"error":"org.systemg.Control.Failed"}`,
		}},
		{"any other error", `{"method":"org.systemg.Control.Shutdown"}` + "\x00", []string{
			`{"parameters":{"code":"SG0001","title":"cannot end","project":"","service":"","notes":[],"evidence":[],"help":[]},"error":"org.systemg.Control.Failed"}`,
		}},
		{"status", `{"method":"org.systemg.Control.Status","parameters":{}}` + "\x00", []string{
			`{"parameters":{"snapshot":{"schema_version":"status.v1","captured_at":"","overall_health":"","units":[],"containment":""}}}`,
		}},
		{"nothing for a call that wants no answer", `{"method":"org.systemg.Control.Stop","oneway":true}` + "\x00" + `{"method":"x"}` + "\x00", []string{
			`{"parameters":{"method":"x"},"error":"org.varlink.service.MethodNotFound"}`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := dial(t, path)
			p.say(test.call)
			for _, want := range test.replies {
				if got := p.hear(); got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			}
		})
	}
}

func TestBothInterfacesDescribeThemselves(t *testing.T) {
	path := serve(t, newFake(), Options{})
	for name, want := range map[string]string{api.Interface: api.Description, api.Service: api.ServiceDescription} {
		p := dial(t, path)
		p.say(`{"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":"` + name + `"}}` + "\x00")
		var reply struct{ Parameters api.InterfaceDescription }
		if err := json.Unmarshal([]byte(p.hear()), &reply); err != nil || reply.Parameters.Description != want {
			t.Errorf("%s: %v, got %q", name, err, reply.Parameters.Description)
		}
	}
}

func TestBadFramesEndTheirConnectionAndNothingElse(t *testing.T) {
	path := serve(t, newFake(), Options{FrameTime: 50 * time.Millisecond})
	witness := dial(t, path)
	for name, frame := range map[string]string{
		"garbage":            "\x7fELF\x01\x02\x00",
		"empty":              "\x00",
		"not an object":      "[1,2]\x00",
		"no method":          "{}\x00",
		"an unknown member":  `{"method":"a","moar":true}` + "\x00",
		"two in one":         getInfoCall[:len(getInfoCall)-1] + getInfoCall,
		"half, and then not": `{"method":`,
		"huge":               strings.Repeat("x", api.MaxCall+1),
	} {
		t.Run(name, func(t *testing.T) {
			p := dial(t, path)
			// The server may be done with a huge frame before it is written.
			_, _ = io.WriteString(p, frame)
			if got := p.hear(); !strings.Contains(got, api.ErrorInvalidParameter) {
				t.Errorf("answered %q", got)
			}
			if got := p.hear(); got != "" {
				t.Errorf("and then %q, want the end", got)
			}
		})
	}
	witness.say(getInfoCall)
	if got := witness.hear(); !strings.Contains(got, "org.systemg.Control") {
		t.Errorf("another connection got %q", got)
	}
}

func TestHalfAFrameAndTheEnd(t *testing.T) {
	path := serve(t, newFake(), Options{})
	p := dial(t, path)
	p.say(`{"method":`)
	if err := p.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got := p.hear(); !strings.Contains(got, api.ErrorInvalidParameter) {
		t.Errorf("answered %q", got)
	}
}

func TestHangingUpEndsAStreamingCall(t *testing.T) {
	f := newFake()
	p := dial(t, serve(t, f, Options{}))
	p.say(`{"method":"org.systemg.Control.Start","parameters":{"foreground":true},"more":true}` + "\x00")
	if by := <-f.started; by.UID != os.Getuid() || by.PID != os.Getpid() {
		t.Errorf("called by %+v, want ourselves", by)
	}
	_ = p.Close()
	if err := <-f.finished; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

func TestHangingUpIsSeenBehindQueuedCalls(t *testing.T) {
	f := newFake()
	p := dial(t, serve(t, f, Options{}))
	p.say(`{"method":"org.systemg.Control.Start","parameters":{"foreground":true},"more":true}` + "\x00" + getInfoCall + getInfoCall)
	<-f.started
	_ = p.Close()
	<-f.finished
}

func TestFloodingIsHangingUp(t *testing.T) {
	f := newFake()
	p := dial(t, serve(t, f, Options{}))
	p.say(`{"method":"org.systemg.Control.Start","parameters":{"foreground":true},"more":true}` + "\x00")
	<-f.started
	_, _ = io.WriteString(p, strings.Repeat(getInfoCall, 3*ahead))
	<-f.finished
}

func TestWhoWantsNoAnswerNeedNotStay(t *testing.T) {
	f := newFake()
	p := dial(t, serve(t, f, Options{}))
	p.say(`{"method":"org.systemg.Control.Start","parameters":{"services":["a"]},"oneway":true}` + "\x00")
	_ = p.Close()
	<-f.started
	if err := <-f.finished; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestTooManyConnectionsAreToldSo(t *testing.T) {
	path := serve(t, newFake(), Options{MaxConnections: 1})
	first := dial(t, path)
	first.say(getInfoCall)
	first.hear()
	if got := dial(t, path).hear(); !strings.Contains(got, api.CodeNotAnswering) {
		t.Errorf("the second one got %q", got)
	}
	_ = first.Close()
}

func TestEndingLetsACallSayItsLastWord(t *testing.T) {
	f := newFake()
	path := filepath.Join(t.TempDir(), "control.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, listener, f, Options{}) }()
	p := dial(t, path)
	idle := dial(t, path)
	p.say(`{"method":"org.systemg.Control.Start","parameters":{"foreground":true},"more":true}` + "\x00")
	<-f.started
	cancel()
	if got := p.hear(); !strings.Contains(got, api.CodeNoSupervisor) {
		t.Errorf("the last word was %q", got)
	}
	if got := idle.hear(); got != "" {
		t.Errorf("the idle one heard %q", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestAnotherUserIsDenied connects as nobody, from a process of that user's.
func TestAnotherUserIsDenied(t *testing.T) {
	if path := os.Getenv("SERVER_TEST_DIAL"); path != "" {
		p := dial(t, path)
		_, _ = os.Stdout.WriteString(p.hear() + "|" + p.hear() + "\n")
		return
	}
	if os.Getuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("only root can be two users, and CI must run this")
		}
		t.Skip("only root can be two users")
	}
	// Somewhere nobody may enter: the test's own folder is private.
	dir, err := os.MkdirTemp("/tmp", "sysg-server")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	binary, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(filepath.Join(dir, "test"), binary, 0o755)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "control.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, listener, newFake(), Options{}) }()
	t.Cleanup(func() { cancel(); <-done })

	stranger := exec.Command(filepath.Join(dir, "test"), "-test.run=^TestAnotherUserIsDenied$")
	stranger.Env = []string{"SERVER_TEST_DIAL=" + path}
	stranger.Dir = "/"
	stranger.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := stranger.CombinedOutput()
	const want = `{"parameters":{"uid":65534,"needs":"viewer"},"error":"org.systemg.Control.Denied"}|` + "\n"
	if err != nil || !strings.Contains(string(out), want) {
		t.Errorf("%v: got %s, want %s", err, out, want)
	}
}

func TestRolesIncludeTheLowerOnes(t *testing.T) {
	for i, have := range roles {
		for j, need := range roles {
			if got := have.atLeast(need); got != (i >= j) {
				t.Errorf("%s at least %s: %v", have, need, got)
			}
		}
	}
	for method, row := range table {
		if row.needs == nobody || row.handle == nil {
			t.Errorf("%s is open to everybody or does nothing", method)
		}
	}
}

func TestAViewerMayNotChangeAnything(t *testing.T) {
	for _, method := range []string{api.MethodStart, api.MethodStop, api.MethodRestart, api.MethodShutdown, api.MethodLogs} {
		_, err := (&call{server: &server{}, caller: api.Caller{UID: 7}, role: viewer}).dispatch(method)
		var r *refusal
		if !errors.As(err, &r) || r.name != api.ErrorDenied {
			t.Errorf("%s: %v", method, err)
		}
	}
}
