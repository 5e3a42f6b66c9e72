package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/api"
)

func TestADiagnosticReadsAlikeEverywhere(t *testing.T) {
	d := api.Diagnostic{
		Code: api.CodeExitedAtStart, Title: "Service 'api' is not up: it exited with code 1",
		Notes:    []string{"it is tried again in 4s", "two\nlines"},
		Evidence: []string{"stderr: cannot open \x1b[31mdatabase\x1b[0m", "stderr: bye"},
		Help:     []api.Help{{Label: "its output", Command: "sysg logs -s api"}, {Label: "the chain of causes", Command: "sysg why api"}},
	}
	golden(t, "diagnostic.txt", renderDiagnostic("error", d, false)+renderDiagnostic("warning", api.Diagnostic{Code: api.CodeInternal, Title: "bare"}, false))
	golden(t, "diagnostic-colour.txt", renderDiagnostic("error", d, true))
}

func number(n int) *int { return &n }

func shop() api.Snapshot {
	project := api.UnitProject{ID: "shop", Name: "The Shop", Mode: "daemon", Generation: 3}
	return api.Snapshot{
		SchemaVersion: api.SchemaVersion, OverallHealth: "failing", Containment: "session",
		Notes: []string{"no cgroup v2 to use"},
		Units: []api.Unit{
			{
				Name: "api", Project: project, Kind: "service", State: "running", Phase: "ready", Intent: "unspecified", Health: "healthy",
				Process: &api.Process{PID: 4711, State: "running", User: "ada"}, Uptime: &api.Uptime{Seconds: 100, Human: "1m40s"},
				Memory: 12 << 20, CPUMicros: 1_500_000, Metrics: &api.Metrics{LatestCPU: 1.5},
				Notes: []string{"its onstart hook exited with code 3"}, Command: "./api --listen 127.0.0.1:8080 --database redis://127.0.0.1:6380",
				LastExit: &api.Exit{Signal: number(9)}, Restarts: 1,
			},
			{
				Name: "seed", Project: project, Kind: "service", State: "done", Phase: "done", Intent: "once", Health: "healthy",
				Command: "redis-cli\n  SET greeting hello", LastExit: &api.Exit{Code: number(0)},
			},
			{
				Name: "worker", Project: project, Kind: "service", State: "failed", Phase: "backing_off", Intent: "unspecified", Health: "failing",
				Cause: "it exited with code 3", LastExit: &api.Exit{Code: number(3)},
			},
			{
				Name: "web", Project: api.UnitProject{ID: "blog", Name: "blog", Mode: "foreground"}, Kind: "service",
				State: "queued", Phase: "waiting", Intent: "unspecified", Health: "warn", Cause: "dependency db: starting",
				LastExit: &api.Exit{Unknown: true}, Memory: 512,
			},
		},
	}
}

func TestStatusTable(t *testing.T) {
	golden(t, "status.txt", renderStatus(shop(), "FAILING", 40, false, false))
	golden(t, "status-full.txt", renderStatus(shop(), "OFFLINE", 0, false, false))
	golden(t, "status-boxed.txt", renderStatus(shop(), "FAILING", 40, false, true))
	coloured := renderStatus(shop(), "FAILING", 40, true, true)
	if !strings.Contains(coloured, paint(true, red, "failing")) {
		t.Errorf("nothing is red:\n%s", coloured)
	}
}

func TestStatusNarrowed(t *testing.T) {
	for _, test := range []struct {
		scope  scope
		units  string
		health string
	}{
		{scope{}, "api seed worker web", "failing"},
		{scope{project: "blog"}, "web", "warn"},
		{scope{services: []string{"api", "seed"}}, "api seed", "healthy"},
		{scope{services: []string{"none"}}, "", "warn"},
		{scope{project: "none"}, "", "warn"},
	} {
		snapshot := shop()
		s := status{scope: test.scope}
		if err := s.narrow(&snapshot); err != nil {
			t.Error(err)
		}
		var names []string
		for _, unit := range snapshot.Units {
			names = append(names, unit.Name)
		}
		if got := strings.Join(names, " "); got != test.units || snapshot.OverallHealth != test.health {
			t.Errorf("%+v: %q, %s", test.scope, got, snapshot.OverallHealth)
		}
	}
}

func TestWhyIsAChain(t *testing.T) {
	golden(t, "why.txt", renderWhy([]api.Link{
		{Service: "api", Phase: "waiting", Since: "2026-01-02T03:04:05Z", Cause: "dependency db: given up"},
		{
			Service: "db", Phase: "given_up", Since: "2026-01-02T03:04:00Z", Cause: "it exited with code 1",
			Evidence: []string{"stderr: no space left"}, Help: []api.Help{{Label: "try again", Command: "sysg start -s db"}},
		},
		{Service: "disk", Phase: "down", Cause: "uid 0 asked for a stop"},
	}, false))
}

func TestProgressIsDrawnInPlace(t *testing.T) {
	var screen bytes.Buffer
	p := newProgress(&output{stdout: &screen, draws: true, width: 40})
	for _, step := range []api.Progress{
		{Service: "db", Phase: "launching"},
		{Service: "api", Phase: "waiting", Cause: "dependency db: launching, which is a long story"},
		{Service: "db", Phase: "ready", PID: 7},
		{Service: "api", Phase: "failed", Cause: "it exited with code 1", Failed: true},
	} {
		if err := p.step(api.Reply{Progress: &step}); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "progress.txt", strings.ReplaceAll(screen.String(), "\x1b", "ESC"))
}

func TestProgressIsSilentInAPipe(t *testing.T) {
	var pipe bytes.Buffer
	step := api.Reply{Progress: &api.Progress{Service: "db", Phase: "launching"}}
	_ = newProgress(&output{stdout: &pipe}).step(step)
	if pipe.Len() != 0 {
		t.Errorf("wrote %q", pipe.String())
	}
	_ = newProgress(&output{stdout: &pipe, verbose: true}).step(step)
	if pipe.String() != "Starting db...\n" {
		t.Errorf("with -v wrote %q", pipe.String())
	}
}

func TestLinesOfLogs(t *testing.T) {
	line := api.Line{Project: "shop", Service: "api", Time: "2026-01-02T03:04:05.000006Z", Stream: "stderr", Text: "oh"}
	for _, test := range []struct {
		how  lineStyle
		json bool
		want string
	}{
		{withoutService, false, "2026-01-02T03:04:05.000006Z stderr oh\n"},
		{withService, false, "api | 2026-01-02T03:04:05.000006Z stderr oh\n"},
		{raw, false, "oh\n"},
		{withService, true, `{"ts":"2026-01-02T03:04:05.000006Z","stream":"stderr","project":"shop","service":"api","line":"oh"}` + "\n"},
	} {
		var out bytes.Buffer
		(&output{stdout: &out, json: test.json}).line(line, test.how)
		if out.String() != test.want {
			t.Errorf("got %q, want %q", out.String(), test.want)
		}
	}
}

func TestLastLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	long := strings.Repeat("x", tailBytes)
	for _, test := range []struct {
		text string
		n    int
		want []string
	}{
		{"", 2, nil},
		{"a\nb\nc\n", 2, []string{"b", "c"}},
		{"a\nb\nc", 2, []string{"b", "c"}},
		{"a\n", 2, []string{"a"}},
		{"a\nb\n", 0, nil},
		{long + "\nb\nc\n", 5, []string{"b", "c"}},
	} {
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := lastLines(path, test.n); !slices.Equal(got, test.want) {
			t.Errorf("last %d of %.20q: %q, want %q", test.n, test.text, got, test.want)
		}
	}
	if got := lastLines(path+"none", 3); got != nil {
		t.Errorf("of nothing: %q", got)
	}
}

func TestSizes(t *testing.T) {
	for bytes, want := range map[uint64]string{0: "-", 512: "512B", 1024: "1.0K", 12 << 20: "12.0M", 3 << 40: "3.0T", 5000 << 40: "5000.0T"} {
		if got := size(bytes); got != want {
			t.Errorf("%d: %s, want %s", bytes, got, want)
		}
	}
}

func TestHelpListsEveryVerb(t *testing.T) {
	a, stdout, _ := quietApp(nil)
	printHelp(a.out)
	golden(t, "help.txt", stdout.String())
	for _, v := range verbs() {
		if shown := strings.Contains(stdout.String(), "\n  "+v.name+" "); shown == v.internal {
			t.Errorf("%s: shown %v", v.name, shown)
		}
		if v.short == "" && !v.internal {
			t.Errorf("%s has no explanation", v.name)
		}
	}
}
