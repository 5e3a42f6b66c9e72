package main

import (
	"slices"
	"testing"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
)

func TestWhatRunsWithLessIsTold(t *testing.T) {
	unit := func(project, name string, change func(*api.Unit)) api.Unit {
		u := api.Unit{Name: name, Project: api.UnitProject{ID: project}, Process: &api.Process{PID: 1}, RunsAs: "ada"}
		change(&u)
		return u
	}
	snapshot := api.Snapshot{Units: []api.Unit{
		unit("shop", "web", func(u *api.Unit) { u.Missing = []string{"network", "landlock"} }),
		unit("shop", "db", func(*api.Unit) {}),
		unit("shop", "job", func(u *api.Unit) { u.RunsAs, u.PrivilegesDropped = "nobody", true }),
		unit("shop", "gone", func(u *api.Unit) { u.Process, u.PrivilegesDropped = nil, true }),
		unit("tools", "web", func(u *api.Unit) { u.Missing = []string{"pid"} }),
	}}
	got := less(snapshot, []selection{{project: "shop"}})
	want := []string{
		"service 'web' runs without network, which this machine lacks", "service 'web' runs without landlock, which this machine lacks",
		"service 'job' names no user and runs as nobody",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// TestARestartKeepsWhatWasDropped: it gives no service back what the start took.
func TestARestartKeepsWhatWasDropped(t *testing.T) {
	launch := func(dropped bool) *generation.Launch {
		confinement := &generation.Confinement{Identity: generation.Identity{Dropped: dropped}}
		return &generation.Launch{Services: []generation.LaunchService{{Name: "db"}, {Name: "web", Confinement: confinement}}}
	}
	for _, test := range []struct {
		flag     bool
		recorded *generation.Launch
		want     bool
	}{{false, nil, false}, {true, nil, true}, {false, launch(false), false}, {false, launch(true), true}, {true, launch(false), true}} {
		a, _, _ := quietApp(nil)
		a.drop, a.recorded = test.flag, test.recorded
		if got := a.drops(); got != test.want {
			t.Errorf("%v, %v: got %v", test.flag, test.recorded, got)
		}
	}
}
