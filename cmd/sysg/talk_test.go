package main

import (
	"context"
	"encoding/json"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/server"
)

// scripted is a supervisor that answers what it was told to and notes what it
// was asked.
type scripted struct {
	server.Supervisor // what is not below is not called

	snapshot api.Snapshot
	result   api.Result

	mu    sync.Mutex
	asked []string
}

func (s *scripted) note(what string, p any) {
	text, _ := json.Marshal(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, what+string(text))
}

func (s *scripted) Start(_ context.Context, _ api.Caller, p api.Start, emit func(api.Reply) error) (api.Result, error) {
	s.note("start", p)
	if emit == nil {
		return s.result, nil
	}
	err := emit(api.Reply{Progress: &api.Progress{Project: p.Project, Service: "api", Phase: "launching"}})
	return s.result, err
}

func (s *scripted) Stop(_ context.Context, _ api.Caller, p api.Stop, _ func(api.Reply) error) (api.Result, error) {
	s.note("stop", p)
	return s.result, nil
}

func (s *scripted) Restart(_ context.Context, _ api.Caller, p api.Restart, _ func(api.Reply) error) (api.Result, error) {
	s.note("restart", p)
	return s.result, nil
}

func (s *scripted) Shutdown(context.Context, api.Caller, func(api.Reply) error) (api.Result, error) {
	s.note("shutdown", nil)
	return s.result, nil
}

func (s *scripted) Status(context.Context, api.Caller, api.Status) (api.Snapshot, error) {
	return s.snapshot, nil
}

func (s *scripted) Why(_ context.Context, _ api.Caller, p api.Why) ([]api.Link, error) {
	return []api.Link{{Project: p.Project, Service: p.Service, Phase: "ready", Cause: "all is well"}}, nil
}

// talk runs sysg against the supervisor.
func talk(t *testing.T, s *scripted, args string) (exits int, stdout, stderr string) {
	t.Helper()
	dir := t.TempDir()
	listener, err := net.Listen("unix", sysgd.socketIn(dir))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener, s, server.Options{Version: "7"}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	a, out, errs := quietApp(map[string]string{"XDG_CONFIG_HOME": filepath.Join(dir, "none")})
	a.instance = &instance{state: dir, runtimes: []string{dir}, env: a.env}
	exits = a.end(a.dispatch(strings.Fields(args)))
	return exits, out.String(), errs.String()
}

func TestWhatIsAskedAndHowItEnds(t *testing.T) {
	done := api.Result{OK: true}
	saying := api.Result{OK: true, Message: "Project 'shop' stopped (1 removed)"}
	broken := api.Result{Failed: []api.Diagnostic{
		{Code: api.CodeDependency, Title: "web waits", Service: "web"}, {Code: api.CodeStartFailed, Title: "api broke", Service: "api"},
	}}
	for _, test := range []struct {
		args   string
		result api.Result
		exits  int
		asked  string
		says   string // on stdout
		errs   string // on stderr
	}{
		{"stop", done, 0, `stop{"project":"","services":[]}`, "\n\nAll services stopped\n", ""},
		{"stop -q", done, 0, `stop{"project":"","services":[]}`, "", ""},
		{"stop -p shop", done, 0, `stop{"project":"shop","services":[]}`, "\n\nProject 'shop' stopped\n", ""},
		{"stop -p shop", saying, 0, "", "\n\nProject 'shop' stopped (1 removed)\n", ""},
		{"stop -s web", done, 0, `stop{"project":"blog","services":["web"]}`, "\n\nService 'web' stopped\n", ""},
		{"stop -s blog/web", done, 0, `stop{"project":"blog","services":["web"]}`, "\n\nService 'web' stopped in project 'blog'\n", ""},
		{"stop -s nope", done, 1, "", "", "error[SG0202]: no service \"nope\"\n"},
		{"stop -c /srv/shop.yaml", done, 0, `stop{"project":"shop","services":[]}`, "\n\nProject 'shop' stopped\n", ""},
		{"stop -c /srv/none.yaml", done, 1, "", "", "error[SG0202]"},
		{"stop -p shop", broken, 1, `stop{"project":"shop","services":[]}`, "", "error[SG0008]: api broke\nerror[SG0109]: web waits\n"},
		{
			"start -p shop --daemonize -v", done, 0, `start{"project":"shop","generation":0,"services":[],"foreground":false}`,
			"Starting api...\n\n\nProject 'shop' started\n", "",
		},
		{
			"start -s web --daemonize", done, 0, `start{"project":"blog","generation":0,"services":["web"],"foreground":false}`,
			"\n\nService 'web' started\n", "",
		},
		{
			"start -p shop --daemonize --no-wait", broken, 0, `start{"project":"shop","generation":0,"services":[],"foreground":false}`,
			"\n\nProject 'shop' starting\n", "",
		},
		{"start -p shop", done, 0, `start{"project":"shop","generation":0,"services":[],"foreground":false}`, "\n\nProject 'shop' started\n", ""},
		{"start -p store --daemonize", done, 1, "", "", "error[SG0202]: no project \"store\"\n"},
		{"status", done, 2, "", "Status: FAILING\n", ""},
		{"status -s api", done, 0, "", "Status: HEALTHY\n", ""},
		{"status -p blog", done, 1, "", "Status: WARN\n", ""},
		{"status -p store", done, 1, "", "No matching units found.\n", ""},
		{"status -p store --format json", done, 1, "", `"overall_health":"warn","units":[]`, ""},
		{"why seed", done, 0, "", "seed is ready\n   because all is well\n", ""},
		{"why nope", done, 4, "", "", "error[SG0202]"},
		{"version", done, 0, "", "(supervisor 7, pid 1, /bin/sysgd)\n", "warning: sysg and the supervisor are of different versions"},
		{"restart -p store", done, 1, "", "", "error[SG0202]"},
		{"restart", done, 1, "", "", "error[SG0301]: the manifest was rejected, and nothing has been changed\n"},
	} {
		t.Run(test.args, func(t *testing.T) {
			s := &scripted{snapshot: shop(), result: test.result}
			for i := range s.snapshot.Units {
				unit := &s.snapshot.Units[i]
				unit.Project.ConfigPath = "/srv/" + unit.Project.ID + ".yaml"
			}
			exits, stdout, stderr := talk(t, s, test.args)
			if exits != test.exits {
				t.Errorf("exits %d, want %d", exits, test.exits)
			}
			if !strings.Contains(stdout, test.says) || test.says == "" && stdout != "" {
				t.Errorf("says %q, want %q", stdout, test.says)
			}
			if !strings.Contains(stderr, test.errs) || test.errs == "" && stderr != "" {
				t.Errorf("complains %q, want %q", stderr, test.errs)
			}
			if asked := strings.ReplaceAll(strings.Join(s.asked, " "), "null", "[]"); test.asked != "" && asked != test.asked {
				t.Errorf("asked %s, want %s", asked, test.asked)
			}
		})
	}
}

func TestAServiceInTwoProjectsIsAskedBack(t *testing.T) {
	s := &scripted{snapshot: shop()}
	s.snapshot.Units[3].Name = "api"
	for args, exits := range map[string]int{"status -s api": 2, "stop -s api": 1, "why api": 1} {
		got, _, stderr := talk(t, s, args)
		if got != exits || !strings.Contains(stderr, "error[SG0006]") || !strings.Contains(stderr, "blog, shop") {
			t.Errorf("%s: exits %d, says %q", args, got, stderr)
		}
	}
}

func TestABareRestartLeavesWhatIsStopped(t *testing.T) {
	projects := func(units []api.Unit) string {
		var ids []string
		for _, u := range active(units) {
			if !slices.Contains(ids, u.Project.ID) {
				ids = append(ids, u.Project.ID)
			}
		}
		return strings.Join(ids, " ")
	}
	unit := func(project, mode, state string) api.Unit {
		return api.Unit{Project: api.UnitProject{ID: project, Mode: mode}, State: state}
	}
	for _, test := range []struct {
		name  string
		units []api.Unit
		want  string
	}{
		{"one runs, one is stopped", []api.Unit{unit("a", "daemon", "running"), unit("b", "daemon", "stopped")}, "a"},
		{"one service of two is stopped", []api.Unit{unit("a", "daemon", "running"), unit("a", "daemon", "stopped")}, "a"},
		{"a one-shot is done", []api.Unit{unit("a", "daemon", "done"), unit("b", "daemon", "running")}, "a b"},
		{"a foreground project has ended", []api.Unit{unit("a", "foreground", "done"), unit("b", "daemon", "running")}, "b"},
		{"everything is stopped", []api.Unit{unit("a", "foreground", "stopped"), unit("b", "daemon", "stopped")}, "b"},
	} {
		if got := projects(test.units); got != test.want {
			t.Errorf("%s: restarts %q, want %q", test.name, got, test.want)
		}
	}
}

func TestARestartNamesWhatIsNotUp(t *testing.T) {
	result := incomplete(api.Result{Failed: []api.Diagnostic{{Code: api.CodeStartFailed, Service: "api"}, {Code: api.CodeLaunch, Service: "db"}}})
	if len(result.Failed) != 3 || result.Failed[0].Code != api.CodeRestartIncomplete || !strings.Contains(result.Failed[0].Title, "api, db") {
		t.Errorf("%+v", result.Failed)
	}
	if whole := incomplete(api.Result{OK: true}); len(whole.Failed) != 0 {
		t.Errorf("%+v", whole.Failed)
	}
}
