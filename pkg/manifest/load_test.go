package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"systemg.org/sysg/pkg/generation"
)

func TestUnreadableManifests(t *testing.T) {
	untrusted := func(string) ([]byte, error) {
		return nil, Judge(File{Path: "/srv/app/systemg.yaml", Regular: true, Perm: 0o666, UID: 1000}, Caller{EUID: 1000})
	}
	var shown strings.Builder
	for _, test := range []struct {
		name, path string
		open       Opener
		kind       Kind
	}{
		{"missing", "/srv/app/none.yaml", options().Open, KindUnreadable},
		{"untrusted", "/srv/app/systemg.yaml", untrusted, KindUntrusted},
		{"relative path", "systemg.yaml", options().Open, KindUnreadable},
	} {
		_, err := Load(test.path, Options{Open: test.open})
		var problems Problems
		if !errors.As(err, &problems) || len(problems) != 1 || problems[0].Kind != test.kind {
			t.Fatalf("%s: got %v, want one problem of kind %s", test.name, err, test.kind)
		}
		shown.WriteString(problems[0].Render(nil) + "\n")
	}
	golden(t, "testdata/unreadable.txt", shown.String())
}

func TestWarningsDoNotRefuse(t *testing.T) {
	m, err := Parse("/srv/x.yaml", []byte("version: 2\nserivces: {}\nservices: {web: {command: x, limits: {nofiles: 1}}}\n"), options())
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Warnings) != 2 || !m.Warnings[0].Warning || m.Warnings[0].Line != 2 || m.Warnings[1].Line != 3 {
		t.Errorf("got %v", m.Warnings)
	}
}

func TestWarningsDoNotHideErrors(t *testing.T) {
	// A service with a warning still needs a command, and a flood of warnings
	// pushes no error out.
	text := "services:\n  web: {limits: {nofiles: 1}, depends_on: [{servce: x}]}\n"
	for i := range 2 * maxProblems {
		text = fmt.Sprintf("k%d: 1\n", i) + text
	}
	_, err := Parse("/srv/x.yaml", []byte(text), options())
	if err == nil || !strings.Contains(err.Error(), "neither command nor exec") || !strings.Contains(err.Error(), "without a service") {
		t.Errorf("got %v", err)
	}
}

func TestWithAllErrorsComeTheWarnings(t *testing.T) {
	_, err := Parse("/srv/x.yaml", []byte("colour: blue\nservices: {web: {}}\n"), options())
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != 2 || !problems[0].Warning || problems[1].Warning {
		t.Fatalf("got %+v", problems)
	}
	if strings.Contains(err.Error(), "colour") {
		t.Errorf("the error lists a warning: %v", err)
	}
}

func TestServicesDoNotSeeEachOthersVariables(t *testing.T) {
	const text = "services:\n  a: {command: x, env: {PORT: 1}}\n  b: {exec: [x, $PORT]}\n"
	_, err := Parse("/srv/x.yaml", []byte(text), options())
	if err == nil || !strings.Contains(err.Error(), `variable "PORT" is not set`) {
		t.Errorf("got %v", err)
	}
}

func TestVariablesAreFoundFromTheInsideOut(t *testing.T) {
	const text = `
env: {file: root.env, vars: {WHO: root, ROOT: "${FROM_FILE}!"}}
projects:
  p:
    env: {WHO: project}
    services:
      inner: {exec: [x, "$WHO $ROOT $SERVICE_FILE $HOST"], env: {file: service.env, WHO: service}}
      outer: {exec: [x, "$WHO"]}
      itself: {exec: [x, "$WHO"], env: {WHO: "not the $WHO"}}
`
	m, err := Parse("/srv/app/systemg.yaml", []byte(text), options())
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"service from db.example! 1 db.example", "project", "not the project"} {
		if got := m.Projects[0].Services[i].Exec[1].Value; got != want {
			t.Errorf("service %d: got %q, want %q", i, got, want)
		}
	}
}

func TestValuesCannotChangeTheStructure(t *testing.T) {
	opts := options()
	opts.LookupEnv = func(string) (string, bool) { return "x\n  evil: {command: y}\n", true }
	m, err := Parse("/srv/x.yaml", []byte("services:\n  a: {exec: [\"$X\"]} # $Y\n"), opts)
	if err != nil || len(m.Projects[0].Services) != 1 {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestHashFollowsWhatShellStringsReferTo(t *testing.T) {
	hash := func(port, other string) string {
		opts := options()
		opts.LookupEnv = func(name string) (string, bool) {
			value, found := map[string]string{"PORT": port, "OTHER": other, "PWD": other}[name]
			return value, found
		}
		m, err := Parse("/srv/x.yaml", []byte("services: {web: {command: 'cd $PWD; serve $PORT'}}\n"), opts)
		if err != nil {
			t.Fatal(err)
		}
		g, err := m.Compile(CompileOptions{Environ: []string{"PORT=" + port, "OTHER=" + other}})
		if err != nil {
			t.Fatal(err)
		}
		return g[0].Supervise.Hash
	}
	if hash("1", "a") != hash("1", "b") {
		t.Error("a variable that nothing refers to changes the hash")
	}
	if hash("1", "a") == hash("2", "a") {
		t.Error("a variable that the command refers to does not change the hash")
	}
}

// manyBigVars are 1 MiB of variables.
func manyBigVars() string {
	var text strings.Builder
	for i := range 16 {
		fmt.Fprintf(&text, "V%d: %q, ", i, strings.Repeat("x", 64<<10))
	}
	return text.String()
}

func TestTooLargeToInstall(t *testing.T) {
	var text strings.Builder
	text.WriteString("env: {" + manyBigVars() + "}\nservices:\n")
	for i := range 100 {
		text.WriteString("  s" + strings.Repeat("x", i%50) + string(rune('a'+i/50)) + ": {command: x}\n")
	}
	m, err := Parse("/srv/x.yaml", []byte(text.String()), options())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Compile(CompileOptions{}); err == nil || !strings.Contains(err.Error(), "100 MiB") {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestBudgetsAndSettingsAreDefaults(t *testing.T) {
	const text = `
version: "3"
services:
  usual: {command: x, skip: x, deployment: {pre_start: x}, hooks: {onerr: {command: x}}}
  own: {command: x, stable_for: 1s, deployment: {pre_start: x, pre_start_timeout: 7s}, hooks: {onerr: {command: x, timeout: 8s}}}
`
	for _, test := range []struct {
		name                            string
		change                          func(*Options)
		preStart, hook, skip, stability time.Duration
		concurrent, files               int
	}{
		{"nothing", func(*Options) {}, 5 * time.Minute, 30 * time.Second, 5 * time.Minute, 250 * time.Millisecond, 0, 5},
		{"the environment", func(o *Options) { o.Budget = time.Second }, time.Second, time.Second, time.Second, 250 * time.Millisecond, 0, 5},
		{"sysgd.conf", func(o *Options) {
			o.Settings = Settings{PreStart: 2 * time.Second, Stability: 3 * time.Second, MaxConcurrent: 4, Logs: generation.Logs{Sink: "file", Format: "text", MaxBytes: 1, MaxFiles: 6}}
		}, 2 * time.Second, 30 * time.Second, 2 * time.Second, 3 * time.Second, 4, 6},
		{"no bound in sysgd.conf", func(o *Options) { o.Settings = Settings{MaxConcurrent: -1} }, 5 * time.Minute, 30 * time.Second, 5 * time.Minute, 250 * time.Millisecond, 0, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			opts := options()
			test.change(&opts)
			m, err := Parse("/srv/app/systemg.yaml", []byte(text), opts)
			if err != nil {
				t.Fatal(err)
			}
			g, err := m.Compile(CompileOptions{})
			if err != nil {
				t.Fatal(err)
			}
			own, usual := g[0].Supervise.Services[0], g[0].Supervise.Services[1]
			if usual.PreStart.Timeout != test.preStart || usual.Hooks[0].Timeout != test.hook || usual.SkipTimeout != test.skip ||
				usual.Ready.StableFor != test.stability || g[0].Supervise.Settings.MaxConcurrent != test.concurrent || usual.Logs.MaxFiles != test.files {
				t.Errorf("got %+v, %+v and %+v", usual.PreStart, usual, g[0].Supervise.Settings)
			}
			if own.PreStart.Timeout != 7*time.Second || own.Hooks[0].Timeout != 8*time.Second || own.Ready.StableFor != time.Second {
				t.Errorf("what the manifest says does not stay: %+v", own)
			}
		})
	}
}

func TestMoreServicesThanAProjectCanHave(t *testing.T) {
	text := func(count int) []byte {
		var b strings.Builder
		for i := range count {
			fmt.Fprintf(&b, "  s%d: {command: x}\n", i)
		}
		return []byte("services:\n" + b.String())
	}
	if _, err := Parse("/srv/x.yaml", text(generation.MaxServices), options()); err != nil {
		t.Error(err)
	}
	if _, err := Parse("/srv/x.yaml", text(generation.MaxServices+1), options()); err == nil || !strings.Contains(err.Error(), "one can have") {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestAScheduleWhoseYearsHavePassed(t *testing.T) {
	const text = `services: {a: {command: x, cron: {expression: "0 0 0 1 1 * 2020"}}}`
	opts := options()
	if _, err := Parse("/srv/x.yaml", []byte(text), opts); err != nil {
		t.Errorf("without a clock: %v", err)
	}
	opts.Now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, err := Parse("/srv/x.yaml", []byte(text), opts); err == nil || !strings.Contains(err.Error(), "never comes") {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestARestartCanReadAsTheStartDid(t *testing.T) {
	const text = `
env: {FROM: "${HOST}", OTHER: "${NOT_SET:-x}", OWN: own, DERIVED: "$OWN"}
services: {a: {command: "echo $COUNT $NOT_THERE"}}
`
	m, err := Parse("/srv/x.yaml", []byte(text), options())
	if err != nil {
		t.Fatal(err)
	}
	g, err := m.Compile(CompileOptions{Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"COUNT=5", "HOST=db.example", "NOT_SET", "NOT_THERE"}
	if got := g[0].Launch.Variables; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
