package store

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sample is a project in which every field is set.
func sample(name string, generation int) Project {
	code, signal := 3, 9
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	return Project{
		State: State{
			Version: Version, Project: name, Generation: generation, Hash: "abc", Foreground: true,
			Services: map[string]Service{
				"db": {
					Want: Up, Phase: "backing_off", Incarnation: "0123", Since: at, Cause: json.RawMessage(`{"kind":"exit"}`),
					Restarts: 7, Consecutive: 2, LastExit: &Exit{Code: &code, At: at}, NextRetryAt: at.Add(time.Minute),
				},
				"web":  {Want: Up, Phase: "ready", Incarnation: "4567", LastExit: &Exit{Signal: &signal, At: at}},
				"seed": {Want: Down, Phase: "down", LastExit: &Exit{Unknown: true}},
			},
		},
		Processes: Processes{
			Version: Version, BootID: "b", Services: map[string]Process{
				"web": {PID: 42, Incarnation: "4567", Started: at, Cgroup: "/sysg/p-shop/s-web/run-4567"},
			},
		},
		Cron: Cron{Version: Version, Jobs: map[string]Job{
			"backup": {
				Schedule: "@daily in UTC", Planned: at.Add(time.Hour), At: at.Add(61 * time.Minute), Last: at,
				Owed: &Owed{Planned: at, Why: "it was due"},
				Run:  &Run{Incarnation: "89ab", Planned: at, Started: at, PID: 43, User: "root", Command: "backup"},
				History: []Run{{
					Incarnation: "cdef", Started: at, Completed: at, Before: "0fed", Status: "Failed: exited with code 3",
					Code: &code, Signal: &signal, UserMicros: 5, SystemMicros: 6, MaxRSS: 7,
				}},
			},
		}},
	}
}

// text is what two projects are compared by.
func text(t *testing.T, p Project) string {
	t.Helper()
	content, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func mustSave(t *testing.T, dir string, p Project) {
	t.Helper()
	if err := Save(dir, p); err != nil {
		t.Fatal(err)
	}
}

func wantProject(t *testing.T, dir string, want Project) {
	t.Helper()
	got, err := Load(dir, want.State.Project)
	if err != nil {
		t.Fatal(err)
	}
	if text(t, got) != text(t, want) {
		t.Errorf("loaded %s\nsaved  %s", text(t, got), text(t, want))
	}
}

// replace rewrites part of a file.
func replace(t *testing.T, path, from, to string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(content), from) {
		t.Fatalf("%s has no %q", path, from)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(content), from, to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func litter(t *testing.T, dir string) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, "*", ".*"))
	if err != nil {
		t.Fatal(err)
	}
	return left
}
