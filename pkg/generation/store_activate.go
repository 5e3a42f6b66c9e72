package generation

import "fmt"

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
	if err := s.remove(project); err != nil {
		return fmt.Errorf("cannot remove project %.100q: %w", project, err)
	}
	return nil
}

func (s *Store) remove(project string) error {
	folder, err := s.project(project)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := folder.Remove(activeName); err != nil {
		return err
	}
	for id := range s.loaded {
		if id.project == project {
			delete(s.loaded, id)
		}
	}
	if err := folder.Sync(); err != nil {
		return err
	}
	all, err := s.folder()
	if err != nil {
		return err
	}
	defer all.Close()
	if err := all.RemoveFolder(project); err != nil {
		return err
	}
	return all.Sync()
}
