package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/paths"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/store"
)

// resting are the phases of what neither runs nor will.
var resting = []string{"down", "done", "failed", "skipped"}

// forgetPruned has the supervisor forget commands whose manifest was pruned, as
// otherwise status would show them for ever. What they printed stays. Nothing
// is said of a failure: the next command tries again.
func (a *app) forgetPruned(ctx context.Context, conn *client.Conn, snapshot api.Snapshot) {
	pruned := a.instance.pruned(snapshot)
	if len(pruned) == 0 {
		return
	}
	helper, err := execclient.Dial(a.instance.execSocket())
	if err != nil {
		return
	}
	defer func() { _ = helper.Close() }()
	for _, project := range pruned {
		// What has failed, or is done, is wanted still.
		if _, err := conn.Stop(ctx, api.Stop{Project: project}, nil); err != nil {
			continue
		}
		if conn.Forget(ctx, api.Forget{Project: project}) == nil && helper.AwaitRemove(spec.Remove{Project: project}) == nil {
			_ = store.Remove(paths.Projects(a.instance.state), project)
		}
	}
}

// pruned are the projects of commands that are over and whose manifest is gone.
func (i *instance) pruned(snapshot api.Snapshot) (projects []string) {
	for _, unit := range snapshot.Units {
		project, manifest := unit.Project.ID, unit.Project.ConfigPath
		if filepath.Dir(manifest) != i.units() || slices.Contains(projects, project) {
			continue
		}
		if _, err := os.Lstat(manifest); !os.IsNotExist(err) {
			continue
		}
		if !slices.ContainsFunc(snapshot.Units, func(u api.Unit) bool {
			return u.Project.ID == project && !slices.Contains(resting, u.Phase)
		}) {
			projects = append(projects, project)
		}
	}
	return projects
}
