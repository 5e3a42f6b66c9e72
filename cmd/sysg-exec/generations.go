package main

import (
	"errors"
	"io/fs"
	"path/filepath"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/grant"
	"systemg.org/sysg/pkg/spec"
)

// generations is the store as grant wants it.
type generations struct {
	store generation.Store
	// active is what is active, by project: nobody but us installs.
	active map[string]int
}

func openGenerations(o options) *generations {
	return &generations{
		store:  generation.Store{Dir: filepath.Join(o.state, "generations"), System: o.system, Group: o.daemon.gid},
		active: map[string]int{},
	}
}

// install decodes, checks and stores what came with an Install.
func (g *generations) install(text []byte, by grant.Helper) (spec.Installed, spec.Reason, error) {
	decoded, err := generation.Decode(text)
	if err == nil {
		err = by.Installs(&decoded.Launch)
	}
	if err != nil {
		return spec.Installed{}, spec.ReasonInvalid, err
	}
	delete(g.active, decoded.Supervise.Project)
	number, changed, err := g.store.Install(decoded)
	if err != nil {
		return spec.Installed{}, spec.ReasonInternal, err
	}
	return spec.Installed{
		Project: decoded.Supervise.Project, Number: number, Hash: decoded.Supervise.Hash, Changed: changed,
	}, "", nil
}

// Active implements grant.Store.
func (g *generations) Active(project string) (int, error) {
	if number := g.active[project]; number != 0 {
		return number, nil
	}
	number, err := g.store.Active(project)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err == nil {
		g.active[project] = number
	}
	return number, err
}

// Load implements grant.Store.
func (g *generations) Load(project string, number int) (string, generation.Launch, error) {
	loaded, err := g.store.Load(project, number)
	if err != nil {
		return "", generation.Launch{}, err
	}
	return loaded.Supervise.Hash, loaded.Launch, nil
}

// activate installs an earlier generation anew.
func (g *generations) activate(project string, number int) (spec.Installed, error) {
	delete(g.active, project)
	installed, hash, changed, err := g.store.Activate(project, number)
	if err != nil {
		return spec.Installed{}, err
	}
	return spec.Installed{Project: project, Number: installed, Hash: hash, Changed: changed}, nil
}

// remove deletes a project.
func (g *generations) remove(project string) error {
	delete(g.active, project)
	return g.store.Remove(project)
}
