package generation

import (
	"errors"
	"fmt"
	"strings"

	"systemg.org/sysg/pkg/spec"
)

// Active is the number of the active generation of project.
func (s *Store) Active(project string) (int, error) {
	folder, err := s.project(project)
	var text []byte
	if err == nil {
		defer folder.Close()
		text, err = folder.Read(activeName, 32)
	}
	if err != nil {
		return 0, fmt.Errorf("cannot tell the active generation of %.100q: %w", project, err)
	}
	number, err := parseNumber(strings.TrimSuffix(string(text), "\n"))
	if err != nil {
		return 0, fmt.Errorf("cannot tell the active generation of %q: %w", project, err)
	}
	return number, nil
}

// Supervise reads the supervise part of a generation and nothing else.
func (s *Store) Supervise(project string, number int) (Supervise, error) {
	supervise, _, err := s.supervise(project, number)
	return supervise, err
}

// supervise also tells the size of its text.
func (s *Store) supervise(project string, number int) (Supervise, int, error) {
	var supervise Supervise
	size, err := s.read(project, number, superviseSuffix, &supervise)
	if err == nil {
		err = supervise.structure()
	}
	if err == nil && (supervise.Project != project || supervise.Number != number) {
		err = fmt.Errorf("the file is of generation %d of %q", supervise.Number, supervise.Project)
	}
	if err != nil {
		return Supervise{}, 0, fmt.Errorf("cannot read generation %d of %q: %w", number, project, err)
	}
	return supervise, size, nil
}

// Launch reads the launch part of a generation.
func (s *Store) Launch(project string, number int) (Launch, error) {
	g, err := s.Load(project, number)
	if err != nil {
		return Launch{}, err
	}
	return g.Launch, nil
}

// Load reads both parts of a generation, once: later calls give the same
// value, which must not be changed.
func (s *Store) Load(project string, number int) (*Generation, error) {
	id := identity{project, number}
	if g := s.loaded[id]; g != nil {
		return g, nil
	}
	supervise, size, err := s.supervise(project, number)
	if err != nil {
		return nil, err
	}
	g := &Generation{Supervise: supervise}
	launchSize, err := s.read(project, number, launchSuffix, &g.Launch)
	if err == nil {
		err = g.structure()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read launch part of generation %d of %q: %w", number, project, err)
	}
	s.keep(id, g, size+launchSize)
	return g, nil
}

// keep has Load return g, which was made of so much text.
func (s *Store) keep(id identity, g *Generation, size int) {
	if s.loadedBytes += size; s.loaded == nil || s.loadedBytes > maxLoaded {
		s.loaded, s.loadedBytes = make(map[identity]*Generation), size
	}
	s.loaded[id] = g
}

// read decodes a file and tells its size.
func (s *Store) read(project string, number int, suffix string, part any) (int, error) {
	if number < 1 {
		return 0, errors.New("no such number")
	}
	folder, err := s.project(project)
	if err != nil {
		return 0, err
	}
	defer folder.Close()
	text, err := folder.Read(fileName(number, suffix), spec.MaxGeneration)
	if err != nil {
		return 0, err
	}
	return len(text), spec.Unmarshal(text, part, limits)
}
