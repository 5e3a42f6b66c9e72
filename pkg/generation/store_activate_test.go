package generation

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestGoingBackIsANewNumberWithTheOldContent(t *testing.T) {
	s := &Store{Dir: filepath.Join(t.TempDir(), "generations")}
	for n := range 3 {
		install(t, s, version(n+1), n+1, true)
	}
	number, hash, changed, err := s.Activate("shop", 1)
	if err != nil || number != 4 || !changed || hash != version(1).Supervise.Hash {
		t.Fatalf("Activate = %d, %s, %t, %v", number, hash, changed, err)
	}
	for _, reader := range []*Store{s, {Dir: s.Dir}} {
		if active, err := reader.Active("shop"); err != nil || active != 4 {
			t.Errorf("active is %d, %v", active, err)
		}
		launch, err := reader.Launch("shop", 4)
		if err != nil || !slices.Equal(launch.Services[1].Layers[0].Vars, []string{"VERSION=1"}) {
			t.Errorf("its launch part is %+v, %v", launch, err)
		}
		if supervise, err := reader.Supervise("shop", 4); err != nil || supervise.Number != 4 || supervise.Hash != hash {
			t.Errorf("its number is %d, its hash %s, %v", supervise.Number, supervise.Hash, err)
		}
	}
	if number, _, changed, err = s.Activate("shop", 1); err != nil || number != 4 || changed {
		t.Errorf("going back to what is active = %d, %t, %v", number, changed, err)
	}
	install(t, s, version(1), 4, false)
}

func TestGoingBackToWhatIsNotThereChangesNothing(t *testing.T) {
	s := &Store{Dir: filepath.Join(t.TempDir(), "generations")}
	install(t, s, version(1), 1, true)
	for _, test := range []struct {
		project string
		number  int
	}{{"shop", 2}, {"shop", 0}, {"shop", -1}, {"none", 1}, {"../shop", 1}, {"", 1}} {
		if number, _, _, err := s.Activate(test.project, test.number); err == nil {
			t.Errorf("Activate(%q, %d) = %d", test.project, test.number, number)
		}
	}
	if _, _, _, err := s.Activate("shop", 2); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(filepath.Join(s.Dir, "shop", "7.json"), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := s.Activate("shop", 7); err == nil {
		t.Error("garbage was activated")
	}
	if active, err := s.Active("shop"); err != nil || active != 1 {
		t.Errorf("active is %d, %v", active, err)
	}
}

func TestARemovedProjectIsGoneAndBeginsAnew(t *testing.T) {
	s := &Store{Dir: filepath.Join(t.TempDir(), "generations")}
	install(t, s, version(1), 1, true)
	install(t, s, version(2), 2, true)
	other := version(1)
	other.Supervise.Project, other.Launch.Project = "another", "another"
	Seal(other)
	install(t, s, other, 1, true)
	if _, err := s.Load("shop", 1); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove("shop"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(s.Dir, "shop")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its folder: %v", err)
	}
	if projects, err := s.Projects(); err != nil || !slices.Equal(projects, []string{"another"}) {
		t.Errorf("projects are %v, %v", projects, err)
	}
	if _, err := s.Load("shop", 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was loaded is still there: %v", err)
	}
	for _, project := range []string{"shop", "none"} {
		if err := s.Remove(project); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("removing %q: %v", project, err)
		}
	}
	for _, path := range []string{"..", "../generations", ".", "", "another/.."} {
		if err := s.Remove(path); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("removing %q: %v", path, err)
		}
	}
	install(t, s, version(2), 1, true)
}

// One whose active number cannot be read can be removed all the same.
func TestADamagedProjectCanBeRemoved(t *testing.T) {
	s := &Store{Dir: filepath.Join(t.TempDir(), "generations")}
	install(t, s, version(1), 1, true)
	if err := os.WriteFile(filepath.Join(s.Dir, "shop", activeName), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove("shop"); err != nil {
		t.Error(err)
	}
}
