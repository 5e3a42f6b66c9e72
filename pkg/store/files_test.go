package store

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata")

func TestAProjectComesBackAsItWasSaved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "projects")
	mustSave(t, dir, sample("shop", 1))
	wantProject(t, dir, sample("shop", 1))
	mustSave(t, dir, sample("shop", 2))
	wantProject(t, dir, sample("shop", 2))
	mustSave(t, dir, Project{State: State{Project: "empty"}, Cron: Cron{Jobs: map[string]Job{"x": {}}}})
	mustSave(t, dir, Project{State: State{Project: "empty"}}) // the schedule is gone for good
	wantProject(t, dir, Project{State: State{Version: 1, Project: "empty"}, Processes: Processes{Version: 1}})
}

// The form of the files is what an older and a newer sysgd have in common.
func TestTheFormOfTheFiles(t *testing.T) {
	dir := t.TempDir()
	mustSave(t, dir, sample("shop", 1))
	for _, name := range []string{stateFile, pidFile, cronFile} {
		got, err := os.ReadFile(filepath.Join(dir, "shop", name))
		if err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestFilesAreForTheirOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "projects")
	mustSave(t, dir, sample("shop", 1))
	for path, want := range map[string]fs.FileMode{
		dir: 0o700 | fs.ModeDir, filepath.Join(dir, "shop"): 0o700 | fs.ModeDir,
		filepath.Join(dir, "shop", stateFile): 0o600, filepath.Join(dir, "shop", pidFile): 0o600,
		filepath.Join(dir, "shop", cronFile): 0o600,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
		}
	}
}

func TestACorruptFileIsNamedAndCanBeSetAside(t *testing.T) {
	for name, test := range map[string]struct{ file, from, to, want string }{
		"cut":             {stateFile, "}}\n", "", "unexpected end"},
		"trailing":        {stateFile, "}}\n", "}}\n{}", "invalid character"},
		"unknown field":   {stateFile, `"generation"`, `"generations"`, `unknown field "generations"`},
		"wrong type":      {stateFile, `"generation":1`, `"generation":"1"`, "cannot unmarshal"},
		"no version":      {stateFile, `"version":1,`, "", "it has no version"},
		"another project": {stateFile, `"shop"`, `"shed"`, `it is the state of "shed"`},
		"unknown wish":    {stateFile, `"up"`, `"maybe"`, `is wanted "maybe"`},
		"pid of init's":   {pidFile, `42`, `-1`, `has process -1`},
		"not JSON":        {pidFile, `{`, `<`, "invalid character"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			mustSave(t, dir, sample("shop", 1))
			path := filepath.Join(dir, "shop", test.file)
			replace(t, path, test.from, test.to)
			before, _ := os.ReadFile(path)

			_, err := Load(dir, "shop")
			var corrupt *CorruptError
			if !errors.As(err, &corrupt) || corrupt.Path != path || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("Load = %v, want %q about %s", err, test.want, path)
			}
			aside, err := SetAside(corrupt)
			if err != nil {
				t.Fatal(err)
			}
			if kept, _ := os.ReadFile(aside); !bytes.Equal(kept, before) {
				t.Errorf("%s holds %q", aside, kept)
			}
			_, err = Load(dir, "shop")
			if test.file == stateFile && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Load without state.json = %v", err)
			}
			if test.file == pidFile && err != nil {
				t.Errorf("Load without pid.json = %v", err)
			}
		})
	}
}

func TestSchedulesThatCannotBeReadAreNoReasonToLoseTheRest(t *testing.T) {
	dir := t.TempDir()
	mustSave(t, dir, sample("shop", 1))
	replace(t, filepath.Join(dir, "shop", cronFile), `"jobs"`, `"jibs"`)
	p, err := Load(dir, "shop")
	if err != nil || p.State.Services["web"].Want != Up || p.CronError == nil || len(p.Cron.Jobs) != 0 {
		t.Fatalf("Load = %+v, %v", p, err)
	}
	if _, err := SetAside(p.CronError); err != nil {
		t.Fatal(err)
	}
	if p, err := Load(dir, "shop"); err != nil || p.CronError != nil {
		t.Errorf("Load without the file = %v, %v", p.CronError, err)
	}
}

func TestAFileOfANewerVersionIsNotCorrupt(t *testing.T) {
	dir := t.TempDir()
	mustSave(t, dir, sample("shop", 1))
	replace(t, filepath.Join(dir, "shop", stateFile), `"version":1,`, `"version":2,"new":[],`)
	_, err := Load(dir, "shop")
	var corrupt *CorruptError
	if err == nil || errors.As(err, &corrupt) || !strings.Contains(err.Error(), "version 2 is newer") {
		t.Errorf("Load = %v", err)
	}
}

func TestAHugeFileIsNotReadWhole(t *testing.T) {
	dir := t.TempDir()
	mustSave(t, dir, sample("shop", 1))
	if err := os.Truncate(filepath.Join(dir, "shop", stateFile), 1<<40); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir, "shop"); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("Load = %v", err)
	}
}

func TestProjectsListsWhatWasSaved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "projects")
	if projects, err := Projects(dir); len(projects) != 0 || err != nil {
		t.Errorf("before anything was saved: %q, %v", projects, err)
	}
	mustSave(t, dir, sample("shop", 1))
	mustSave(t, dir, sample("blog", 1))
	if err := os.Mkdir(filepath.Join(dir, "other"), 0o700); err != nil {
		t.Fatal(err)
	}
	wantProjects := func(want ...string) {
		t.Helper()
		if projects, err := Projects(dir); !slices.Equal(projects, want) || err != nil {
			t.Errorf("projects %q, %v; want %q", projects, err, want)
		}
	}
	wantProjects("blog", "shop")
	for range 2 {
		if err := Remove(dir, "shop"); err != nil {
			t.Error(err)
		}
	}
	wantProjects("blog")
	if err := Remove(filepath.Join(dir, "absent"), "shop"); err != nil {
		t.Errorf("where there is no folder: %v", err)
	}
}

func TestANameThatIsNoneLeadsNowhere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for _, name := range []string{"", ".", "..", "../..", "a/b", ".x"} {
		if _, err := Load(dir, name); err == nil {
			t.Errorf("Load of %q", name)
		}
		if err := Save(dir, sample(name, 1)); err == nil {
			t.Errorf("Save of %q", name)
		}
		if err := Remove(dir, name); err == nil {
			t.Errorf("Remove of %q", name)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, name := range []string{stateFile, pidFile, cronFile} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Add([]byte(`{"version":1,"project":"shop","services":{"a":{"want":"up","cause":null}}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		var state State
		if decode(content, &state) == nil {
			again := State{}
			if text, err := encode(&state, &state.Version); err == nil && decode([]byte(text), &again) != nil {
				t.Errorf("what is written cannot be read: %s", text)
			}
		}
		var processes Processes
		_ = decode(content, &processes)
		var cron Cron
		_ = decode(content, &cron)
	})
}
