package generation

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// folder opens the store itself.
func (s *Store) folder() (*sys.Folder, error) {
	if s.System {
		return sys.OpenTrustedFolder(s.Dir)
	}
	return sys.OpenFolder(s.Dir)
}

// project opens the folder of a project.
func (s *Store) project(name string) (*sys.Folder, error) {
	if !spec.ValidName(name) {
		return nil, fmt.Errorf("%.100q is no name for a project", name)
	}
	folder, err := s.folder()
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	return folder.Folder(name)
}

// makeProject makes it, too, and its name last.
func (s *Store) makeProject(name string) (*sys.Folder, error) {
	if !s.System { // There it is sysg-exec's to make, before all else.
		if err := makeDir(s.Dir); err != nil {
			return nil, err
		}
	}
	folder, err := s.folder()
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	project, made, err := folder.Make(name, s.access(0o700, 0o750))
	if err == nil && made {
		err = folder.Sync()
	}
	return project, err
}

// makeDir makes dir, and its name last.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return errors.Join(sys.SyncDir(dir), sys.SyncDir(filepath.Dir(dir)))
}

// access is one's own alone, or in the system's store also the group's. That
// has no say in a launch part, which holds secrets.
func (s *Store) access(own, shared uint32) sys.Access {
	if s.System && s.Group != 0 {
		return sys.Access{Mode: shared, Group: s.Group}
	}
	return sys.Access{Mode: own}
}

func fileName(number int, suffix string) string { return strconv.Itoa(number) + suffix }
