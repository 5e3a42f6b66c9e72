package server

import (
	"context"
	"strings"
	"testing"
	"time"

	"systemg.org/sysg/pkg/api"
)

func (f *fake) Identify(context.Context) (api.Identity, error) { return api.Identity{PID: 7}, nil }

func (f *fake) Survey(context.Context, api.Caller) (api.Survey, error) {
	return api.Survey{Connected: true}, nil
}

func (f *fake) Forget(_ context.Context, _ api.Caller, p api.Forget) (api.Result, error) {
	return api.Result{OK: true, Message: p.Project}, nil
}

func TestIdentifySaysTheVersionOfTheProgram(t *testing.T) {
	conn := dial(t, serve(t, newFake(), Options{Version: "4.5.6"}))
	conn.say(`{"method":"org.systemg.Control.Identify"}` + "\x00")
	want := `{"parameters":{"identity":{"version":"4.5.6","pid":7,"binary":"","state":""}}}`
	if got := conn.hear(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// chatty never ends by itself: it talks until it cannot.
type chatty struct {
	*fake
	ended chan error
}

func (c chatty) Logs(_ context.Context, _ api.Caller, _ api.Logs, emit func(api.Reply) error) error {
	text := strings.Repeat("x", 64<<10)
	for {
		if err := emit(api.Reply{Line: &api.Line{Text: text}}); err != nil {
			c.ended <- err
			return err
		}
	}
}

func TestAClientThatDoesNotReadIsLetGo(t *testing.T) {
	c := chatty{newFake(), make(chan error, 1)}
	path := serve(t, c, Options{StreamTime: 50 * time.Millisecond, MaxConnections: 1})
	silent := dial(t, path)
	silent.say(`{"method":"org.systemg.Control.Logs","more":true}` + "\x00")
	select {
	case <-c.ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the stream still goes on")
	}
	// Its place is free again, though it has not hung up.
	for deadline := time.Now().Add(10 * time.Second); ; {
		other := dial(t, path)
		other.say(getInfoCall)
		if strings.Contains(other.hear(), "systemg.org") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the place of the silent client is still taken")
		}
	}
}
