package server

import (
	"context"
	"encoding/json"
	"testing"

	"systemg.org/sysg/pkg/api"
)

func (f *fake) Generations(_ context.Context, _ api.Caller, p api.Generations) ([]api.Installed, error) {
	return []api.Installed{{Number: 3, Manifest: "/" + p.Project, Active: true}}, nil
}

func (f *fake) Standing(_ context.Context, _ api.Caller, p api.StandingOf) (api.Standing, error) {
	return api.Standing{Project: p.Project, Generation: json.RawMessage(`{"format":1}`)}, nil
}

func TestAStandingHasTheGenerationAsItIs(t *testing.T) {
	conn := dial(t, serve(t, newFake(), Options{}))
	conn.say(`{"method":"org.systemg.Control.Standing","parameters":{"project":"shop"}}` + "\x00")
	want := `{"parameters":{"standing":{"project":"shop","generation":{"format":1},"services":[]}}}`
	if got := conn.hear(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestGenerationsAreListed(t *testing.T) {
	conn := dial(t, serve(t, newFake(), Options{}))
	conn.say(`{"method":"org.systemg.Control.Generations","parameters":{"project":"shop"}}` + "\x00")
	want := `{"parameters":{"generations":[{"number":3,"installed_at":"","hash":"","manifest":"/shop","active":true,"current":false,"services":[]}]}}`
	if got := conn.hear(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
