package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/paths"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/store"
	"systemg.org/sysg/pkg/sys"
)

// The files that purge deletes.

// keptProjects are those of which there is anything.
func (i *instance) keptProjects() []string {
	var known []string
	for _, folder := range []string{paths.Projects(i.state), paths.Generations(i.state), paths.Logs(i.state)} {
		entries, _ := os.ReadDir(folder)
		for _, entry := range entries {
			if entry.IsDir() && spec.ValidName(entry.Name()) && !slices.Contains(known, entry.Name()) {
				known = append(known, entry.Name())
			}
		}
	}
	slices.Sort(known)
	return known
}

// projectsFrom are the projects that were installed from a manifest. That is
// not read: it may be gone, or be another one by now.
func (i *instance) projectsFrom(path string, known []string) []string {
	generations := generation.Store{Dir: paths.Generations(i.state)}
	return slices.DeleteFunc(slices.Clone(known), func(project string) bool {
		number, err := generations.Active(project)
		if err != nil {
			return true
		}
		supervise, err := generations.Supervise(project, number)
		return err != nil || supervise.Manifest != path
	})
}

// alone runs do while no daemon of this instance can start.
func (i *instance) alone(do func() error) error {
	for _, path := range i.locks() {
		lock, err := sys.Lock(path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // there is no folder of state
		case errors.Is(err, sys.ErrLocked):
			return &api.Diagnostic{
				Code: api.CodePurgeRefused, Title: "a daemon of this instance runs, and nothing was deleted",
				Notes: []string{"somebody holds " + path},
			}
		case err != nil:
			return err
		default:
			defer func() { _ = lock.Close() }()
		}
	}
	return do()
}

// discard deletes what is kept of projects.
func (i *instance) discard(projects []string) error {
	var left []string
	for _, project := range projects {
		if err := store.Remove(paths.Projects(i.state), project); err != nil {
			left = append(left, err.Error())
		}
		for _, folder := range []string{paths.Generations(i.state), paths.Logs(i.state)} {
			if err := os.RemoveAll(filepath.Join(folder, project)); err != nil {
				left = append(left, err.Error())
			}
		}
	}
	return partial(left)
}

// raze deletes everything but the locks, which must never be deleted: two
// processes could then hold two files of one name. Of the system's instance the
// folders stay, which only root can make.
func (i *instance) raze() error {
	var left []string
	clear := func(folder string, keep func(name string) bool) {
		entries, err := os.ReadDir(folder)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			left = append(left, err.Error())
		}
		for _, entry := range entries {
			if keep(entry.Name()) {
				continue
			}
			if err := os.RemoveAll(filepath.Join(folder, entry.Name())); err != nil {
				left = append(left, err.Error())
			}
		}
	}
	isLock := func(name string) bool { return strings.HasSuffix(name, ".lock") }
	if !i.system {
		clear(i.state, isLock)
	} else {
		for _, folder := range []string{paths.Generations(i.state), paths.Projects(i.state), paths.Logs(i.state)} {
			clear(folder, isLock)
		}
		made := func(name string) bool {
			path := filepath.Join(i.state, name)
			return isLock(name) || path == paths.Generations(i.state) || path == paths.Projects(i.state)
		}
		clear(i.state, made)
	}
	for _, dir := range i.runtimes {
		if err := os.RemoveAll(paths.Spool(dir)); err != nil {
			left = append(left, err.Error())
		}
	}
	return partial(left)
}

func partial(left []string) error {
	if len(left) == 0 {
		return nil
	}
	return &api.Diagnostic{Code: api.CodePurgePartial, Title: "not everything could be deleted", Notes: left}
}
