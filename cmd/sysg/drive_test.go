package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/manifest"
)

func (s *scripted) Identify(context.Context) (api.Identity, error) {
	return api.Identity{PID: 1, Binary: "/bin/sysgd"}, nil
}

func TestWhoMayDoWhatInWhichMode(t *testing.T) {
	for _, test := range []struct {
		name          string
		v             verb
		g             globals
		root, machine bool
		code          string
	}{
		{"a user starts", startVerb, globals{}, false, true, ""},
		{"an operator starts the system's", startVerb, globals{system: true}, false, false, ""},
		{"an operator restarts the system's", restartVerb, globals{system: true}, false, false, ""},
		{"a user reloads the system's", reloadVerb, globals{system: true}, false, false, api.CodeNeedsRoot},
		{"a user purges the system's", purgeVerb, globals{system: true}, false, false, api.CodeNeedsRoot},
		{"a user asks the system's", statusVerb, globals{system: true}, false, false, ""},
		{"root starts the system's", startVerb, globals{system: true}, true, false, ""},
		{"root has an own one", startVerb, globals{}, true, false, ""},
		{"root forgets --sys", statusVerb, globals{}, true, true, api.CodeOtherMode},
		{"root means the own one", statusVerb, globals{user: true}, true, true, ""},
	} {
		err := judgeMode(test.v, test.g, test.root, test.machine)
		if (err == nil) != (test.code == "") || err != nil && !isCode(err, test.code) {
			t.Errorf("%s: %v, want %q", test.name, err, test.code)
		}
	}
}

// TestOperatorsInstallNothing: what is installed is root's word.
func TestOperatorsInstallNothing(t *testing.T) {
	a, _, _ := quietApp(nil)
	a.system, a.operating = true, true
	for name, run := range map[string]func() error{
		"start of a manifest":   func() error { return (&start{config: "x.yaml"}).run(t.Context(), a) },
		"start of a command":    func() error { return (&start{command: []string{"x"}}).run(t.Context(), a) },
		"restart of a manifest": func() error { return (&restart{target: target{config: "x.yaml"}}).run(t.Context(), a) },
		"start of nothing":      func() error { _, _, err := (&start{}).prepare(t.Context(), a); return err },
	} {
		if err := run(); !isCode(err, api.CodeNeedsRoot) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNewCommandsTellFailuresApart(t *testing.T) {
	for code, want := range map[string]int{
		api.CodeNoSupervisor: 3, api.CodeUnknownUnit: 4, api.CodeStillRunning: 124, api.CodeAmbiguous: 1,
	} {
		a, _, _ := quietApp(nil)
		if got := a.end(telling(&api.Diagnostic{Code: code})); got != want {
			t.Errorf("%s exits %d, want %d", code, got, want)
		}
	}
	if err := telling(exit(5)); !errors.Is(err, exit(5)) {
		t.Errorf("an exit became %v", err)
	}
}

// loads is the argv that the manifest of a command has once it is read.
func loads(t *testing.T, u unit) []string {
	t.Helper()
	m, err := manifest.Parse("/units/"+u.file, []byte(u.text), manifest.Options{})
	if err != nil {
		t.Fatalf("%v in\n%s", err, u.text)
	}
	generations, err := m.Compile(manifest.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return generations[0].Launch.Services[0].Roles[0].Argv
}

func TestACommandIsWhatItsManifestSays(t *testing.T) {
	for _, command := range [][]string{
		{"sleep", "1"},
		{"sh", "-c", "echo $HOME ${X} $$ \"a\" 'b'; exit 3"},
		{"echo", "", "- #: {x}", "tab\tnewline\nend", "\x01\u2028ü<&>", "~/x", "!include x", "yes", "0o7"},
		{"/usr/bin/../bin/é x", "--format", "json"},
	} {
		u, err := newUnit("", "/tmp/a $b", command, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := loads(t, u); strings.Join(got, "|") != strings.Join(command, "|") {
			t.Errorf("got  %q\nwant %q", got, command)
		}
	}
	if _, err := newUnit("", "/", []string{"echo", "\xff"}, ""); err == nil {
		t.Error("took what no manifest can hold")
	}
}

// TestACommandOfTheSystemSaysAsWhom: nothing runs as root because nobody said otherwise.
func TestACommandOfTheSystemSaysAsWhom(t *testing.T) {
	a, _, _ := quietApp(nil)
	a.system, a.settings = true, &settings{}
	s := start{command: []string{"true"}}
	if err := s.named(a); err == nil || !strings.Contains(err.Error(), "needs --run-as USER") {
		t.Errorf("without a user: %v", err)
	}
	a.drop = true
	if err := s.named(a); err != nil {
		t.Errorf("with --drop-privileges: %v", err)
	}
	a.drop, a.settings.DefaultUser = false, "ada"
	if err := s.named(a); err != nil {
		t.Errorf("with a default_user: %v", err)
	}
	u, err := newUnit("", "/", []string{"true"}, "www-data: {x}")
	if err != nil || !strings.HasSuffix(u.text, "    user: \"www-data: {x}\"\n") {
		t.Errorf("%v, %q", err, u.text)
	}
}

func TestTheSameCommandIsTheSameService(t *testing.T) {
	make := func(name, folder string, command ...string) unit {
		u, err := newUnit(name, folder, command, "")
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	one := make("My Worker!", "/a", "sleep", "1")
	if one.service != "my-worker" || !strings.HasPrefix(one.file, "my-worker-") || len(one.file) != len("my-worker-.yaml")+12 {
		t.Errorf("%+v", one)
	}
	for _, other := range []unit{make("My Worker!", "/b", "sleep", "1"), make("My Worker!", "/a", "sleep", "1", ""), make("My Worker!", "/a", "sleep1")} {
		if other.file == one.file {
			t.Errorf("%q is the file of two", one.file)
		}
	}
	if unnamed := make("", "/a", "/bin/sleep", "1"); !strings.HasPrefix(unnamed.service, "sleep-") || unnamed.file != unnamed.service+".yaml" {
		t.Errorf("%+v", unnamed)
	}
}

func TestOldUnitsArePruned(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	path := func(i int) string { return filepath.Join(dir, fmt.Sprintf("u%03d.yaml", i)) }
	for i := range 250 {
		if err := os.WriteFile(path(i), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		at := now.Add(-time.Duration(i) * time.Hour)
		if i == 10 {
			at = now.Add(-31 * 24 * time.Hour)
		}
		if err := os.Chtimes(path(i), at, at); err != nil {
			t.Fatal(err)
		}
	}
	pruneUnits(dir, path(249), now)
	left, _ := os.ReadDir(dir)
	if len(left) != unitsKept+1 || exists(path(10)) || !exists(path(200)) || exists(path(201)) || !exists(path(249)) {
		t.Errorf("%d are left", len(left))
	}
}

func TestTheOlderProgramsSettings(t *testing.T) {
	got := convertSettings("<supervisor><logs><max_files>5</max_files><max_bytes>x</max_bytes></logs>\n<timeouts><pre_start_secs> 7 </pre_start_secs></timeouts>" +
		"<start><max_concurrent>-1</max_concurrent></start><other>9</other></supervisor>")
	const want = "# Taken over from supervisor.xml.\ntimeouts:\n  pre_start_secs: 7\nstart:\n  max_concurrent: -1\nlogs:\n  max_files: 5\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, err := manifest.ParseSettings("/sysgd.conf", []byte(got), manifest.Options{}); err != nil {
		t.Error(err)
	}
	if got := convertSettings("rubbish"); got != "" {
		t.Errorf("rubbish became %q", got)
	}
}

func TestTheOlderProgramsSupervisorIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	i := &instance{state: dir}
	if err := i.olderRuns(); err != nil {
		t.Error(err)
	}
	listener, err := net.Listen("unix", filepath.Join(dir, "control.sock"))
	if err != nil {
		t.Fatal(err)
	}
	if err := i.olderRuns(); !isCode(err, "SG0602") {
		t.Errorf("got %v", err)
	}
	_ = listener.Close()
	if err := i.olderRuns(); err != nil {
		t.Errorf("a socket without anybody: %v", err)
	}
}

func TestASupervisorThatIsNotOursIsNotReplaced(t *testing.T) {
	a, _, stderr := quietApp(nil)
	a.instance = &instance{state: t.TempDir()}
	a.supervisor = api.Identity{Version: "1", PID: os.Getpid()}
	if _, err := a.recycle(context.Background(), nil); !isCode(err, "SG0303") {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(stderr.String(), "the supervisor is of version 1; replacing it") {
		t.Errorf("says %q", stderr)
	}
}

func TestFormatStopsWhereACommandBegins(t *testing.T) {
	flags := newFlags("start", &globals{})
	startVerb.setup(flags)
	for args, want := range map[string]string{
		"--format json -s web x --format json":  "--format=json -s web x --format json",
		"-s --format --format json sleep":       "-s --format --format=json sleep",
		"-qs --format --format json sleep":      "-qs --format --format=json sleep",
		"--config a.yaml --format text x":       "--config a.yaml --format=text x",
		"--config=a.yaml sleep --format json":   "--config=a.yaml sleep --format json",
		"--daemonize --format json sh --format": "--daemonize --format=json sh --format",
	} {
		if got := strings.Join(joinFormat(strings.Fields(args), flags, true), " "); got != want {
			t.Errorf("%q became %q, want %q", args, got, want)
		}
	}
}
