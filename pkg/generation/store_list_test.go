package generation

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestStoredGenerationsAreListed(t *testing.T) {
	dir := t.TempDir()
	store := &Store{Dir: dir}
	if _, err := store.List("shop"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a project that was never installed: %v", err)
	}
	for number := 1; number <= 3; number++ {
		install(t, store, version(number), number, true)
	}
	project := version(1).Supervise.Project
	// One is damaged, and one was begun by a writer that died.
	damage := func(name string) {
		if err := os.WriteFile(filepath.Join(dir, project, name), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	damage("2.json")
	damage("4.json")
	all, err := store.List(project)
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	if all[0].Number != 1 || all[0].Active || all[1].Number != 3 || !all[1].Active {
		t.Errorf("%+v", all)
	}
	if all[1].Hash == "" || all[1].Installed.IsZero() || len(all[1].Services) == 0 || all[1].Services[0] == "" {
		t.Errorf("%+v", all[1])
	}
}
