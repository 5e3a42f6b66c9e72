package manifest

import (
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// environ is the environment of every test.
var environ = []string{
	"HOST=db.example", "PATH=/usr/bin:/bin", "SECRET=hunter2", "COUNT=5", "VERSION=7", "FOO=1", "LANG=C", "SSH_AUTH_SOCK=/tmp/agent",
	"SSH_NEW=1", "NOTIFY_SOCKET=/run/n", "PWD=/elsewhere",
}

func lookupEnviron(name string) (string, bool) {
	for _, entry := range environ {
		if value, found := strings.CutPrefix(entry, name+"="); found {
			return value, true
		}
	}
	return "", false
}

// testFiles are the env files of every test.
var testFiles = map[string]string{
	"/srv/app/root.env":    "FROM_FILE=\"from ${HOST}\"\n",
	"/srv/app/service.env": "SERVICE_FILE=1\n",
}

// lookupUser knows the users of every test.
func lookupUser(name string) (Account, bool) {
	for _, a := range []Account{
		{"root", 0, 0, "/root", "/bin/bash"}, {"ada", 1000, 1000, "/home/ada", "/bin/zsh"},
		{"www-data", 33, 33, "/var/www", "/usr/sbin/nologin"}, {"nobody", 65534, 65534, "/nonexistent", "/usr/sbin/nologin"},
	} {
		if name == a.Name || name == strconv.Itoa(int(a.UID)) {
			return a, true
		}
	}
	return Account{}, false
}

// lookupGroup knows the groups of every test.
func lookupGroup(name string) (uint32, bool) {
	ids := map[string]uint32{"root": 0, "ada": 1000, "www-data": 33, "adm": 4, "nogroup": 65534}
	id, found := ids[name]
	return id, found
}

func options() Options {
	return Options{
		Open: func(path string) ([]byte, error) {
			if text, found := testFiles[path]; found {
				return []byte(text), nil
			}
			if path == "/srv/app/forbidden.yaml" {
				return nil, Judge(File{Path: path, Regular: true, Perm: 0o666, UID: 1000}, Caller{EUID: 1000})
			}
			if below, found := strings.CutPrefix(path, "/srv/app/"); found {
				if text, err := os.ReadFile(filepath.Join("testdata/files", below)); err == nil {
					return text, nil
				}
			}
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		},
		LookupEnv: lookupEnviron, Home: "/home/ada", User: "ada", Shell: "/bin/zsh", UID: 1000,
		LookupUser: lookupUser, LookupGroup: lookupGroup,
	}
}

// recorded keeps what is opened, for rendering.
func recorded(opts Options) (Options, *Sources) {
	var sources Sources
	open := opts.Open
	opts.Open = func(path string) ([]byte, error) {
		text, err := open(path)
		sources.Add(path, text)
		return text, err
	}
	return opts, &sources
}

// golden compares with a file, or writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("not what %s has; see the difference with -update and git diff\n%s", file, got)
	}
}

// eachManifest runs a test for each manifest of a directory.
func eachManifest(t *testing.T, pattern string, test func(t *testing.T, file string, text []byte)) {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("no manifests at %s: %v", pattern, err)
	}
	for _, file := range found {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) { test(t, file, text) })
	}
}

func TestEveryProblemOfABadManifestIsShownAtOnce(t *testing.T) {
	eachManifest(t, "testdata/bad/*.yaml", func(t *testing.T, file string, text []byte) {
		opts, sources := recorded(options())
		sources.Add("/srv/app/systemg.yaml", text)
		_, err := Parse("/srv/app/systemg.yaml", text, opts)
		var problems Problems
		if !errors.As(err, &problems) {
			t.Fatalf("got %v, want problems", err)
		}
		var shown strings.Builder
		for i, p := range problems {
			if i > 0 && problems[i-1].Path == p.Path && problems[i-1].Line > p.Line {
				t.Errorf("line %d comes after line %d", p.Line, problems[i-1].Line)
			}
			shown.WriteString(p.Render(sources) + "\n")
		}
		if strings.Contains(shown.String(), "hunter2") {
			t.Error("a problem shows the value of a variable")
		}
		golden(t, strings.TrimSuffix(file, ".yaml")+".txt", shown.String())
	})
}

func TestCompiledForm(t *testing.T) {
	eachManifest(t, "testdata/good/*.yaml", func(t *testing.T, file string, text []byte) {
		opts, sources := recorded(options())
		sources.Add("/srv/app/systemg.yaml", text)
		m, err := Parse("/srv/app/systemg.yaml", text, opts)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, strings.TrimSuffix(file, ".yaml")+".json", compiled(t, m))
		shown := render(append(m.Warnings, m.Differences...), sources)
		if warnings := strings.TrimSuffix(file, ".yaml") + ".txt"; shown != "" || exists(warnings) {
			golden(t, warnings, shown)
		}
	})
}

// render is what people are shown of problems.
func render(problems Problems, sources *Sources) string {
	var shown strings.Builder
	for _, p := range problems {
		shown.WriteString(p.Render(sources) + "\n")
	}
	return shown.String()
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// compiled is the JSON of what a manifest becomes, which must hold.
func compiled(t *testing.T, m *Manifest) string {
	t.Helper()
	generations, err := m.Compile(CompileOptions{Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	for i := range generations {
		if err := generations[i].Validate(); err != nil {
			t.Error(err)
		}
		supervise, err := json.Marshal(generations[i].Supervise)
		if err != nil || strings.Contains(string(supervise), "hunter2") {
			t.Errorf("the supervise part shows the value of a variable: %v", err)
		}
	}
	shown, err := json.MarshalIndent(generations, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(shown) + "\n"
}

func TestExamplesLoadAndCompile(t *testing.T) {
	err := filepath.WalkDir("../../examples", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != "systemg.yaml" {
			return err
		}
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			absolute, err := filepath.Abs(file)
			if err != nil {
				t.Fatal(err)
			}
			opts := options()
			if strings.Contains(file, "/system/") {
				opts = systemOptions()
			}
			opts.Open = os.ReadFile
			m, err := Load(absolute, opts)
			if err != nil {
				t.Fatal(err)
			}
			if len(m.Warnings) > 0 {
				t.Errorf("warnings: %v", m.Warnings)
			}
			if _, err := m.Compile(CompileOptions{Environ: environ}); err != nil {
				t.Fatal(err)
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
