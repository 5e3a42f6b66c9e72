package generation

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"systemg.org/sysg/pkg/sys"
)

const (
	// Keep is how many generations of a project are kept, the active one
	// included.
	Keep = 10

	activeName      = "active"
	superviseSuffix = ".json"
	launchSuffix    = ".launch.json"
)

// Store is the folder of what is installed:
//
//	<Dir>/<project>/<n>.json         the supervise part
//	<Dir>/<project>/<n>.launch.json  the launch part, which holds secrets
//	<Dir>/<project>/active           the number of the active one
//
// All of it is the user's alone. In the system's instance it is root's, and a
// group may read all but the launch parts; what somebody else than root can
// change there, or put something else in place of, is refused.
//
// sysg-exec writes it and is the only one who does; sysgd reads the supervise
// parts. A generation exists for everybody from the moment at which active
// names it, which is the last thing written, by a rename. So whatever moment a
// writer dies in, what was active stays so, whole. What it had begun is never
// named, keeps its number, and goes away with the old ones.
//
// Whatever is not there is an error that Is(fs.ErrNotExist). A Store is for
// one goroutine.
type Store struct {
	// Dir is made by the first Install.
	Dir string
	// System: the store is root's. There, Dir has to be made before, and Group
	// is who may read what is installed, 0 for nobody.
	System bool
	Group  uint32

	// loaded has what Load read, since a launch must not cost the reading of
	// a whole project. What is stored never changes but by Install. loadedBytes
	// is how much text it was made of.
	loaded      map[identity]*Generation
	loadedBytes int
}

// maxLoaded bounds the text of what is kept loaded, the last one excepted.
const maxLoaded = 32 << 20

type identity struct {
	project string
	number  int
}

// Install stores g and makes it the active one of its project. If what is
// active has the same content it stays, and only takes over what is no part of
// that, such as the inherited environment. When it returns, the result is on
// disk. It keeps g, which must not be changed from then on.
func (s *Store) Install(g *Generation) (number int, changed bool, err error) {
	if err := g.Validate(); err != nil {
		return 0, false, err
	}
	number, changed, err = s.install(g)
	if err != nil {
		return 0, false, fmt.Errorf("cannot install project %q: %w", g.Supervise.Project, err)
	}
	return number, changed, nil
}

func (s *Store) install(g *Generation) (number int, changed bool, err error) {
	project := g.Supervise.Project
	folder, err := s.makeProject(project)
	if err != nil {
		return 0, false, err
	}
	defer folder.Close()
	// One that cannot be read is as good as none: installing mends it.
	active, err := s.loadActive(project)
	if err == nil && active.Supervise.Hash == g.Supervise.Hash {
		return active.Supervise.Number, false, s.refresh(folder, active, g)
	}
	numbers, err := storedNumbers(folder)
	if err != nil {
		return 0, false, err
	}
	number = 1
	if len(numbers) > 0 {
		number = numbers[len(numbers)-1] + 1
	}
	// Somebody may have deleted the folder, and numbers begin anew.
	delete(s.loaded, identity{project, number})
	supervise := g.Supervise
	supervise.Number = number
	if err := s.write(folder, number, launchSuffix, g.Launch); err != nil {
		return 0, false, err
	}
	if err := s.write(folder, number, superviseSuffix, supervise); err != nil {
		return 0, false, err
	}
	text := strconv.Itoa(number) + "\n"
	if err := folder.Write(activeName, []byte(text), s.access(0o600, 0o640)); err != nil {
		return 0, false, err
	}
	s.sweep(folder, project, number, append(numbers, number))
	// The next thing that is asked for is to launch from it.
	s.keep(identity{project, number}, &Generation{Supervise: supervise, Launch: g.Launch}, size(folder, number))
	return number, true, nil
}

// size is how much text a stored generation has.
func size(folder *sys.Folder, number int) (size int) {
	for _, suffix := range []string{launchSuffix, superviseSuffix} {
		if one, _, err := folder.Stat(fileName(number, suffix)); err == nil {
			size += int(one)
		}
	}
	return size
}

func (s *Store) loadActive(project string) (*Generation, error) {
	number, err := s.Active(project)
	if err != nil {
		return nil, err
	}
	return s.Load(project, number)
}

// refresh gives the active generation what g has that is no part of its
// content: the environment that it was installed from, settings, sums of files.
func (s *Store) refresh(folder *sys.Folder, active, g *Generation) error {
	id := identity{active.Supervise.Project, active.Supervise.Number}
	launch, supervise := active.Launch, active.Supervise
	launch.Inherited, launch.Variables = g.Launch.Inherited, g.Launch.Variables
	supervise.Settings, supervise.Sources = g.Supervise.Settings, g.Supervise.Sources
	if !slices.Equal(launch.Inherited, active.Launch.Inherited) || !slices.Equal(launch.Variables, active.Launch.Variables) {
		delete(s.loaded, id)
		if err := s.write(folder, id.number, launchSuffix, launch); err != nil {
			return err
		}
	}
	if supervise.Settings != active.Supervise.Settings || !slices.Equal(supervise.Sources, active.Supervise.Sources) {
		delete(s.loaded, id)
		return s.write(folder, id.number, superviseSuffix, supervise)
	}
	return nil
}

// sweep removes all but the last few generations, and what a crash left. It
// only tidies: what cannot be removed now is tried again by the next Install.
func (s *Store) sweep(folder *sys.Folder, project string, active int, numbers []int) {
	for _, number := range numbers[:max(0, len(numbers)-Keep)] {
		if number == active {
			continue
		}
		// In the reverse order of writing, so that none is half there.
		_ = folder.Remove(fileName(number, superviseSuffix))
		_ = folder.Remove(fileName(number, launchSuffix))
		delete(s.loaded, identity{project, number})
	}
	names, _ := folder.Names()
	for _, name := range names {
		if strings.HasPrefix(name, sys.TempPrefix) {
			_ = folder.Remove(name)
		}
	}
}

// storedNumbers are those of which anything is in a project's folder, in order.
func storedNumbers(folder *sys.Folder) ([]int, error) {
	names, err := folder.Names()
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, name := range names {
		text := strings.TrimSuffix(strings.TrimSuffix(name, superviseSuffix), ".launch")
		if text == name {
			continue
		}
		if number, err := parseNumber(text); err == nil {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return slices.Compact(numbers), nil
}

// parseNumber takes only what strconv.Itoa writes, so that one number has one
// file name.
func parseNumber(text string) (int, error) {
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 || strconv.Itoa(number) != text {
		return 0, fmt.Errorf("%.20q is no generation's number", text)
	}
	return number, nil
}

func (s *Store) write(folder *sys.Folder, number int, suffix string, part any) error {
	text, err := json.Marshal(part)
	if err != nil {
		return err
	}
	access := sys.Access{Mode: 0o600}
	if suffix != launchSuffix {
		access = s.access(0o600, 0o640)
	}
	return folder.Write(fileName(number, suffix), text, access)
}

// Projects are those with an active generation, sorted.
func (s *Store) Projects() ([]string, error) {
	folder, err := s.folder()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	if err == nil {
		defer folder.Close()
		names, err = folder.Names()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list projects: %w", err)
	}
	var projects []string
	for _, name := range names {
		project, err := s.project(name)
		if err != nil {
			continue
		}
		if _, _, err := project.Stat(activeName); err == nil {
			projects = append(projects, name)
		}
		project.Close()
	}
	slices.Sort(projects)
	return projects, nil
}
