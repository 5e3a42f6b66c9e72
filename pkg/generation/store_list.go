package generation

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"systemg.org/sysg/pkg/spec"
)

// Entry is one stored generation of a project.
type Entry struct {
	Number    int
	Hash      string
	Manifest  string
	Services  []string
	Installed time.Time
	// Active is set for the one that is in force.
	Active bool
}

// List are the stored generations of a project, oldest first. One that was
// never finished, or cannot be read, is left out.
func (s *Store) List(project string) ([]Entry, error) {
	active, err := s.Active(project)
	if err != nil {
		return nil, err
	}
	numbers, err := storedNumbers(filepath.Join(s.Dir, project))
	if err != nil {
		return nil, fmt.Errorf("cannot list the generations of %q: %w", project, err)
	}
	var entries []Entry
	for _, number := range numbers {
		if number > active {
			continue // Its writer died before it was in force.
		}
		entry, err := s.entry(project, number)
		if err != nil {
			continue
		}
		entry.Active = number == active
		entries = append(entries, entry)
	}
	return entries, nil
}

func (s *Store) entry(project string, number int) (Entry, error) {
	var supervise Supervise
	if _, err := s.read(project, number, superviseSuffix, &supervise); err != nil {
		return Entry{}, err
	}
	if _, err := os.Lstat(s.path(project, number, launchSuffix)); err != nil || !spec.ValidName(project) {
		return Entry{}, fmt.Errorf("generation %d of %q is not whole", number, project)
	}
	file, err := os.Lstat(s.path(project, number, superviseSuffix))
	if err != nil {
		return Entry{}, err
	}
	entry := Entry{Number: number, Hash: supervise.Hash, Manifest: supervise.Manifest, Installed: file.ModTime()}
	for _, service := range supervise.Services {
		entry.Services = append(entry.Services, service.Name)
	}
	return entry, nil
}
