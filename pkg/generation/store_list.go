package generation

import (
	"fmt"
	"time"

	"systemg.org/sysg/pkg/sys"
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
	folder, err := s.project(project)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	numbers, err := storedNumbers(folder)
	if err != nil {
		return nil, fmt.Errorf("cannot list the generations of %q: %w", project, err)
	}
	var entries []Entry
	for _, number := range numbers {
		if number > active {
			continue // Its writer died before it was in force.
		}
		entry, err := s.entry(folder, project, number)
		if err != nil {
			continue
		}
		entry.Active = number == active
		entries = append(entries, entry)
	}
	return entries, nil
}

func (s *Store) entry(folder *sys.Folder, project string, number int) (Entry, error) {
	var supervise Supervise
	if _, err := s.read(project, number, superviseSuffix, &supervise); err != nil {
		return Entry{}, err
	}
	if _, _, err := folder.Stat(fileName(number, launchSuffix)); err != nil {
		return Entry{}, fmt.Errorf("generation %d of %q is not whole", number, project)
	}
	_, installed, err := folder.Stat(fileName(number, superviseSuffix))
	if err != nil {
		return Entry{}, err
	}
	entry := Entry{Number: number, Hash: supervise.Hash, Manifest: supervise.Manifest, Installed: installed}
	for _, service := range supervise.Services {
		entry.Services = append(entry.Services, service.Name)
	}
	return entry, nil
}
