package generation

import (
	"fmt"
	"os"
	"path/filepath"

	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// Activate installs the content of an earlier generation as the next one: a
// number means one content, and time goes forward. What is active already
// stays so. One that is not there is fs.ErrNotExist.
func (s *Store) Activate(project string, number int) (installed int, hash string, changed bool, err error) {
	earlier, err := s.Load(project, number)
	if err != nil {
		return 0, "", false, err
	}
	// It was valid when it was installed, maybe by an older build, so it is
	// not held to the hashes of this one.
	installed, changed, err = s.install(earlier)
	if err != nil {
		return 0, "", false, fmt.Errorf("cannot go back to generation %d of project %q: %w", number, project, err)
	}
	return installed, earlier.Supervise.Hash, changed, nil
}

// Remove deletes all generations of a project. It is gone for everybody from
// the moment at which none is active, which is the first thing done; what a
// crash leaves after that is in nobody's way. One that is not there is
// fs.ErrNotExist.
func (s *Store) Remove(project string) error {
	if !spec.ValidName(project) {
		return fmt.Errorf("%.100q is no name for a project", project)
	}
	dir := filepath.Join(s.Dir, project)
	if err := os.Remove(filepath.Join(dir, activeName)); err != nil {
		return fmt.Errorf("cannot remove project %q: %w", project, err)
	}
	for id := range s.loaded {
		if id.project == project {
			delete(s.loaded, id)
		}
	}
	err := sys.SyncDir(dir)
	if err == nil {
		err = os.RemoveAll(dir)
	}
	if err == nil {
		err = sys.SyncDir(s.Dir)
	}
	if err != nil {
		return fmt.Errorf("cannot remove project %q: %w", project, err)
	}
	return nil
}
