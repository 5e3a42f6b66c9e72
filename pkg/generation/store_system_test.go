package generation

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"systemg.org/sysg/pkg/sys"
)

const readers = 998

// systemStore is one with a generation of "shop".
func systemStore(t *testing.T) *Store {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a store of root's takes root")
	}
	s := &Store{Dir: filepath.Join(t.TempDir(), "generations"), System: true, Group: readers}
	if err := os.Mkdir(s.Dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Install(version(1)); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheSystemsStoreIsRootsAndItsGroupReadsNoSecrets(t *testing.T) {
	s := systemStore(t)
	for name, want := range map[string]string{
		"shop":               "0750 998",
		"shop/1.json":        "0640 998",
		"shop/active":        "0640 998",
		"shop/1.launch.json": "0600 0",
	} {
		info, err := os.Lstat(filepath.Join(s.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		stat := info.Sys().(*syscall.Stat_t)
		if got := fmt.Sprintf("%04o %d", stat.Mode&0o7777, stat.Gid); got != want || stat.Uid != 0 {
			t.Errorf("%s has %s of uid %d, want %s of root's", name, got, stat.Uid, want)
		}
	}
}

// What somebody else than root can change is as good as forged.
func TestTheSystemsStoreTrustsNobodyButRoot(t *testing.T) {
	for name, change := range map[string]func(dir string) error{
		"its folder is another's":          func(dir string) error { return os.Chown(dir, readers, 0) },
		"others write to its folder":       func(dir string) error { return os.Chmod(dir, 0o757) },
		"its group writes to its folder":   func(dir string) error { return os.Chmod(dir, 0o770) },
		"it is sticky, and all write":      func(dir string) error { return os.Chmod(dir, 0o777|os.ModeSticky) },
		"a project is another's":           func(dir string) error { return os.Chown(dir+"/shop", readers, 0) },
		"a group writes to a project":      func(dir string) error { return os.Chmod(dir+"/shop", 0o770) },
		"a launch part is another's":       func(dir string) error { return os.Chown(dir+"/shop/1.launch.json", readers, 0) },
		"a group writes to a launch part":  func(dir string) error { return os.Chmod(dir+"/shop/1.launch.json", 0o660) },
		"a supervise part is another's":    func(dir string) error { return os.Chown(dir+"/shop/1.json", readers, 0) },
		"a launch part is a link":          func(dir string) error { return linked(dir + "/shop/1.launch.json") },
		"a project is a link":              func(dir string) error { return linked(dir + "/shop") },
		"the store is a link":              linked,
		"a folder above the store is so":   func(dir string) error { return linked(filepath.Dir(dir)) },
		"a folder above it is another's":   func(dir string) error { return os.Chown(filepath.Dir(dir), readers, 0) },
		"a group writes to a folder above": func(dir string) error { return os.Chmod(filepath.Dir(dir), 0o770) },
	} {
		s := systemStore(t)
		if err := change(s.Dir); err != nil {
			t.Fatal(err)
		}
		fresh := &Store{Dir: s.Dir, System: true}
		if _, err := fresh.Load("shop", 1); err == nil {
			t.Errorf("%s: it was read", name)
		}
		if _, err := (&Store{Dir: s.Dir}).Load("shop", 1); err != nil && name != "a launch part is a link" && name != "a project is a link" {
			t.Errorf("%s: and so it is by everybody: %v", name, err)
		}
	}
}

// linked puts a link in the place of something, to the thing itself.
func linked(path string) error {
	return errors.Join(os.Rename(path, path+".real"), os.Symlink(path+".real", path))
}

// Nothing is written where somebody else could have put it.
func TestTheSystemsStoreIsNotInstalledIntoAnothersFolder(t *testing.T) {
	s := systemStore(t)
	if err := os.Chown(filepath.Join(s.Dir, "shop"), readers, 0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Install(version(2)); !errors.Is(err, sys.ErrNotTrusted) {
		t.Errorf("installing ended with %v", err)
	}
	if err := s.Remove("shop"); !errors.Is(err, sys.ErrNotTrusted) {
		t.Errorf("removing ended with %v", err)
	}
	entries, err := os.ReadDir(filepath.Join(s.Dir, "shop"))
	if err != nil || len(entries) != 3 {
		t.Errorf("there are %v, %v", entries, err)
	}
}
