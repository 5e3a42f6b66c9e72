package manifest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
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

func TestTooLargeToInstall(t *testing.T) {
	var text strings.Builder
	text.WriteString("env: {BIG: \"" + strings.Repeat("x", 1<<20) + "\"}\nservices:\n")
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
