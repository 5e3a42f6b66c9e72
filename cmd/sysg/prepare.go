package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
)

// What comes before a start: which projects and services are meant, and that
// what the manifest says of them is installed.

// prepare finds what is meant, makes the daemons run, and installs what the
// manifest says. What is not in numbers starts as it was installed last.
func (s *start) prepare(ctx context.Context, a *app) ([]selection, map[string]int, error) {
	if a.operating {
		selections, err := s.recorded(ctx, a, needsRoot("start"))
		return selections, nil, err
	}
	path, err := a.findManifest(s.config)
	if err != nil {
		return nil, nil, err
	}
	if path == "" {
		selections, err := s.recorded(ctx, a, noManifest())
		return selections, nil, err
	}
	generations, err := a.load(path)
	if err != nil {
		return nil, nil, err
	}
	known := catalogueOfManifest(generations)
	selections, err := s.scope.resolve(known)
	if isCode(err, api.CodeUnknownUnit) && s.config == "" {
		// The manifest here is another one's; perhaps the supervisor knows.
		selections, err = s.recorded(ctx, a, s.mismatch(path, known, err))
		return selections, nil, err
	}
	if err != nil {
		return nil, nil, s.mismatch(path, known, err)
	}
	return s.raise(ctx, a, generations, selections)
}

func (s *start) raise(ctx context.Context, a *app, generations []generation.Generation, selections []selection) ([]selection, map[string]int, error) {
	conn, err := a.raise(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = conn.Close() }()
	snapshot, err := conn.Status(ctx, api.Status{})
	if err != nil {
		return nil, nil, err
	}
	s.recognise(selections, catalogueOf(snapshot))
	a.warnOfOtherManifest(generations, selections, snapshot)
	numbers, err := a.install(generations, selections)
	if len(s.command) > 0 {
		a.forgetPruned(ctx, conn, snapshot)
	}
	return selections, numbers, err
}

// recognise notes whether the supervisor has all the selected projects.
func (s *start) recognise(selections []selection, known catalogue) {
	s.known = !slices.ContainsFunc(selections, func(sel selection) bool {
		_, exists := known[sel.project]
		return !exists
	})
}

// warnOfOtherManifest says where a project, whose services may run, comes from
// another file than before: two stacks that bear one name replace each other.
func (a *app) warnOfOtherManifest(generations []generation.Generation, selections []selection, snapshot api.Snapshot) {
	for _, sel := range selections {
		g, found := byProject(generations, sel.project)
		i := slices.IndexFunc(snapshot.Units, func(u api.Unit) bool { return u.Project.ID == sel.project })
		if !found || i < 0 || a.out.quiet {
			continue
		}
		before := snapshot.Units[i].Project.ConfigPath
		if before != "" && before != g.Supervise.Manifest {
			a.out.diagnostic("warning", api.Diagnostic{
				Code: api.CodeOtherManifest, Title: fmt.Sprintf("project '%s' now comes from %s", sel.project, g.Supervise.Manifest),
				Notes: []string{"it was started from " + before},
				Help:  []api.Help{{Label: "if they are two stacks", Command: "give one of them another project: NAME"}},
			})
		}
	}
}

// mismatch says that -p names a project that the manifest does not have.
func (s *start) mismatch(path string, known catalogue, err error) error {
	if _, exists := known[s.scope.project]; s.scope.project == "" || exists {
		return err
	}
	unknown := unknownProject(s.scope.project, known)
	return &api.Diagnostic{
		Code: api.CodeProjectMismatch, Notes: unknown.Notes,
		Title: fmt.Sprintf("%s has no project %q", path, s.scope.project),
	}
}

// recorded finds what -p and -s mean among what the supervisor knows. Where
// that does not help either, the answer is otherwise.
func (s *start) recorded(ctx context.Context, a *app, otherwise error) ([]selection, error) {
	if s.scope.empty() {
		return nil, otherwise
	}
	conn, err := a.reach()
	if isCode(err, api.CodeNoSupervisor) {
		return nil, otherwise
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	snapshot, err := conn.Status(ctx, api.Status{})
	if err != nil {
		return nil, err
	}
	selections, err := s.scope.resolve(catalogueOf(snapshot))
	s.known = err == nil
	if isCode(err, api.CodeUnknownUnit) && !isCode(otherwise, api.CodeNoManifest) {
		return nil, otherwise
	}
	return selections, err
}

// names are the projects of selections, for a sentence.
func names(selections []selection) string {
	var quoted []string
	for _, s := range selections {
		quoted = append(quoted, "'"+s.project+"'")
	}
	return strings.Join(quoted, ", ")
}
