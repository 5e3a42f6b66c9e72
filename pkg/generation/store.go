package generation

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"systemg.org/sysg/pkg/spec"
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
	dir := filepath.Join(s.Dir, project)
	if err := makeDir(dir); err != nil {
		return 0, false, err
	}
	// One that cannot be read is as good as none: installing mends it.
	active, err := s.loadActive(project)
	if err == nil && active.Supervise.Hash == g.Supervise.Hash {
		return active.Supervise.Number, false, s.refresh(active, g)
	}
	numbers, err := storedNumbers(dir)
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
	if err := s.write(project, number, launchSuffix, g.Launch); err != nil {
		return 0, false, err
	}
	if err := s.write(project, number, superviseSuffix, supervise); err != nil {
		return 0, false, err
	}
	text := strconv.Itoa(number) + "\n"
	if err := sys.WriteFileAtomic(filepath.Join(dir, activeName), []byte(text), 0o600); err != nil {
		return 0, false, err
	}
	s.sweep(project, number, append(numbers, number))
	// The next thing that is asked for is to launch from it.
	s.keep(identity{project, number}, &Generation{Supervise: supervise, Launch: g.Launch}, s.size(project, number))
	return number, true, nil
}

// size is how much text a stored generation has.
func (s *Store) size(project string, number int) (size int) {
	for _, suffix := range []string{launchSuffix, superviseSuffix} {
		if info, err := os.Lstat(s.path(project, number, suffix)); err == nil {
			size += int(info.Size())
		}
	}
	return size
}

// makeDir makes dir and its parent, and their names last.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return errors.Join(sys.SyncDir(filepath.Dir(dir)), sys.SyncDir(filepath.Dir(filepath.Dir(dir))))
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
func (s *Store) refresh(active, g *Generation) error {
	id := identity{active.Supervise.Project, active.Supervise.Number}
	launch, supervise := active.Launch, active.Supervise
	launch.Inherited, launch.Variables = g.Launch.Inherited, g.Launch.Variables
	supervise.Settings, supervise.Sources = g.Supervise.Settings, g.Supervise.Sources
	if !slices.Equal(launch.Inherited, active.Launch.Inherited) || !slices.Equal(launch.Variables, active.Launch.Variables) {
		delete(s.loaded, id)
		if err := s.write(id.project, id.number, launchSuffix, launch); err != nil {
			return err
		}
	}
	if supervise.Settings != active.Supervise.Settings || !slices.Equal(supervise.Sources, active.Supervise.Sources) {
		delete(s.loaded, id)
		return s.write(id.project, id.number, superviseSuffix, supervise)
	}
	return nil
}

// sweep removes all but the last few generations, and what a crash left. It
// only tidies: what cannot be removed now is tried again by the next Install.
func (s *Store) sweep(project string, active int, numbers []int) {
	dir := filepath.Join(s.Dir, project)
	for _, number := range numbers[:max(0, len(numbers)-Keep)] {
		if number == active {
			continue
		}
		// In the reverse order of writing, so that none is half there.
		_ = os.Remove(s.path(project, number, superviseSuffix))
		_ = os.Remove(s.path(project, number, launchSuffix))
		delete(s.loaded, identity{project, number})
	}
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), sys.TempPrefix) {
			_ = os.Remove(filepath.Join(dir, entry.Name()))
		}
	}
}

// storedNumbers are those of which anything is in dir, in order.
func storedNumbers(dir string) ([]int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, entry := range entries {
		text := strings.TrimSuffix(strings.TrimSuffix(entry.Name(), superviseSuffix), ".launch")
		if text == entry.Name() {
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

func (s *Store) path(project string, number int, suffix string) string {
	return filepath.Join(s.Dir, project, strconv.Itoa(number)+suffix)
}

func (s *Store) write(project string, number int, suffix string, part any) error {
	text, err := json.Marshal(part)
	if err != nil {
		return err
	}
	return sys.WriteFileAtomic(s.path(project, number, suffix), text, 0o600)
}

// Projects are those with an active generation, sorted.
func (s *Store) Projects() ([]string, error) {
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list projects: %w", err)
	}
	var projects []string
	for _, entry := range entries {
		if !spec.ValidName(entry.Name()) {
			continue
		}
		if _, err := os.Lstat(filepath.Join(s.Dir, entry.Name(), activeName)); err == nil {
			projects = append(projects, entry.Name())
		}
	}
	return projects, nil
}
