package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"systemg.org/sysg/pkg/sys"
)

const (
	stateFile = "state.json"
	pidFile   = "pid.json"
	cronFile  = "cron_state.json"
)

// folder is where the files of a project are. The name may come from a client.
func folder(dir, project string) (string, error) {
	if project == "" || strings.HasPrefix(project, ".") || strings.ContainsAny(project, "/\x00") {
		return "", fmt.Errorf("cannot find the state of project %q: that is not a name", project)
	}
	return filepath.Join(dir, project), nil
}

// Load reads a project below dir. One that was never saved is fs.ErrNotExist; a
// file that does not hold is a *CorruptError, but for schedules, whose loss is no
// reason to lose the rest. Without a pid.json there are no processes.
func Load(dir, project string) (Project, error) {
	base, err := folder(dir, project)
	if err != nil {
		return Project{}, err
	}
	var p Project
	path := filepath.Join(base, stateFile)
	if err := readFile(path, &p.State); err != nil {
		return Project{}, err
	}
	if err := p.State.check(project); err != nil {
		return Project{}, &CorruptError{path, err}
	}
	path = filepath.Join(base, pidFile)
	if err := readFile(path, &p.Processes); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Project{}, err
	}
	if err := p.Processes.check(); err != nil {
		return Project{}, &CorruptError{path, err}
	}
	err = readFile(filepath.Join(base, cronFile), &p.Cron)
	if errors.As(err, &p.CronError) {
		p.Cron = Cron{}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Project{}, err
	}
	return p, nil
}

// Save writes a project; it is on disk when it returns.
func Save(dir string, p Project) error {
	_, err := save(dir, p, nothingKnown)
	return err
}

// contents is what the files of a project hold.
type contents struct{ state, pids, cron string }

// save writes those files whose content is not had already, and returns what
// the files hold.
func save(dir string, p Project, had contents) (contents, error) {
	base, err := folder(dir, p.State.Project)
	if err != nil {
		return had, err
	}
	state, err := encode(&p.State, &p.State.Version)
	if err != nil {
		return had, fmt.Errorf("cannot save the state of project %q: %w", p.State.Project, err)
	}
	pids, err := encode(&p.Processes, &p.Processes.Version)
	if err != nil {
		return had, fmt.Errorf("cannot save the processes of project %q: %w", p.State.Project, err)
	}
	cron, err := encode(&p.Cron, &p.Cron.Version)
	if err != nil {
		return had, fmt.Errorf("cannot save the schedules of project %q: %w", p.State.Project, err)
	}
	if err := makeFolder(base); err != nil {
		return had, fmt.Errorf("cannot save the state of project %q: %w", p.State.Project, err)
	}
	if len(p.Cron.Jobs) == 0 {
		cron = ""
	}
	// state.json, which makes it a project, comes last.
	err = put(filepath.Join(base, pidFile), pids, &had.pids)
	if err == nil {
		err = put(filepath.Join(base, cronFile), cron, &had.cron)
	}
	if err == nil {
		err = put(filepath.Join(base, stateFile), state, &had.state)
	}
	return had, err
}

// unknown is had before anybody knows what a file holds.
const unknown = "?"

var nothingKnown = contents{unknown, unknown, unknown}

// put writes a file, unless it has that content already. Without content there
// is none.
func put(path, content string, had *string) error {
	if content == *had {
		return nil
	}
	var err error
	if content != "" {
		err = sys.WriteFileAtomic(path, []byte(content), 0o600)
	} else if err = os.Remove(path); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err == nil {
		*had = content
	}
	return err
}

// encode fills in the version and writes for people too: one field a line.
func encode(value any, version *int) (string, error) {
	*version = Version
	text, err := json.Marshal(value)
	return string(text) + "\n", err
}

// makeFolder makes the project's folder, and its name last.
func makeFolder(base string) error {
	err := os.Mkdir(base, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = os.MkdirAll(base, 0o700)
	}
	if err != nil {
		return err
	}
	return sys.SyncDir(filepath.Dir(base))
}

// Projects are the projects that were saved below dir, sorted.
func Projects(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list projects: %w", err)
	}
	var projects []string
	for _, entry := range entries {
		if _, err := os.Lstat(filepath.Join(dir, entry.Name(), stateFile)); err == nil {
			projects = append(projects, entry.Name())
		}
	}
	return projects, nil
}

// Remove forgets a project and all that is kept of it. One that is not there is
// no error.
func Remove(dir, project string) error {
	base, err := folder(dir, project)
	if err != nil {
		return err
	}
	// Without its state it is no project, wherever this stops.
	err = os.Remove(filepath.Join(base, stateFile))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = os.RemoveAll(base)
	}
	if err == nil {
		err = sys.SyncDir(dir)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove the state of project %q: %w", project, err)
	}
	return nil
}

// SetAside renames a corrupt file, so that it does not stand in the way any
// more and can still be looked at, and returns its new path.
func SetAside(corrupt *CorruptError) (string, error) {
	aside := corrupt.Path + ".corrupt"
	if err := os.Rename(corrupt.Path, aside); err != nil {
		return "", fmt.Errorf("cannot set a corrupt file aside: %w", err)
	}
	return aside, nil
}

// sweep removes what a death in the middle of a save left behind.
func sweep(dir string) {
	left, _ := filepath.Glob(filepath.Join(dir, "*", sys.TempPrefix+"*"))
	for _, path := range left {
		_ = os.Remove(path) // It is only litter.
	}
}
