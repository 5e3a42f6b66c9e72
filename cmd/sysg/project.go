package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/generation"
)

// manifestNames are looked for where -c does not say.
var manifestNames = []string{"systemg.yaml", "sysg.yaml"}

// findManifest is the path of the manifest to use: the one given, else one in
// the working directory, else one in the user's configuration. It is absolute,
// since it is recorded. Without any it is "".
func (a *app) findManifest(given string) (string, error) {
	if given != "" {
		path, err := filepath.Abs(given)
		if err != nil {
			return "", fmt.Errorf("cannot tell where %q is: %w", given, err)
		}
		return path, nil
	}
	for _, folder := range []string{".", a.configFolder()} {
		for _, name := range manifestNames {
			path, err := filepath.Abs(filepath.Join(folder, name))
			if err != nil {
				return "", fmt.Errorf("cannot tell where %q is: %w", name, err)
			}
			if _, err := os.Lstat(path); err == nil {
				return path, nil
			}
		}
	}
	return "", nil
}

func noManifest() *api.Diagnostic {
	return &api.Diagnostic{
		Code: api.CodeNoManifest, Title: "no manifest: neither systemg.yaml nor sysg.yaml is here",
		Notes: []string{"the folder systemg in your configuration ($XDG_CONFIG_HOME) has none either"},
		Help:  []api.Help{{Label: "say where it is", Command: "-c FILE"}},
	}
}

// byProject finds the generation of a project.
func byProject(generations []generation.Generation, project string) (generation.Generation, bool) {
	for _, g := range generations {
		if g.Supervise.Project == project {
			return g, true
		}
	}
	return generation.Generation{}, false
}

// install hands the generations of the selected projects to sysg-exec and
// returns the numbers that they got.
func (a *app) install(generations []generation.Generation, selections []selection) (map[string]int, error) {
	home, err := a.home()
	if err != nil {
		return nil, err
	}
	conn, err := execclient.Dial(home.execSocket())
	if err != nil {
		return nil, helperFailed(err)
	}
	defer func() { _ = conn.Close() }()
	numbers := map[string]int{}
	for _, s := range selections {
		g, found := byProject(generations, s.project)
		if !found {
			continue
		}
		installed, err := conn.Install(&g)
		if err != nil {
			return nil, helperFailed(err)
		}
		numbers[s.project] = installed.Number
	}
	return numbers, nil
}

func helperFailed(err error) error {
	var d *api.Diagnostic
	if errors.As(err, &d) {
		return err
	}
	return &helperError{err: err, Diagnostic: &api.Diagnostic{
		Code: api.CodeHelper, Title: "cannot install the manifest: " + err.Error(),
		Help: []api.Help{{Label: "see what sysg-exec says", Command: "sysg logs --supervisor"}},
	}}
}

// helperError is what sysg-exec, or the way there, refused.
type helperError struct {
	*api.Diagnostic
	err error
}

// Unwrap lets errors.As find both.
func (h *helperError) Unwrap() []error { return []error{h.Diagnostic, h.err} }

// call is what is asked of the supervisor for one selection.
type call func(ctx context.Context, conn *client.Conn, s selection) (api.Result, error)

// each makes the call for every selection at once, over connections of their
// own, and puts the results together. The first error is returned when all
// have come to an end.
func (a *app) each(ctx context.Context, selections []selection, do call) (api.Result, error) {
	wait, err := a.commandWait()
	if err != nil {
		return api.Result{}, err
	}
	results := make([]api.Result, len(selections))
	errs := make([]error, len(selections))
	var all sync.WaitGroup
	for i, s := range selections {
		all.Go(func() {
			conn, err := a.instance.another()
			if err != nil {
				errs[i] = err
				return
			}
			conn.Patience.Limit = wait
			defer func() { _ = conn.Close() }()
			results[i], errs[i] = do(ctx, conn, s)
		})
	}
	all.Wait()
	total := api.Result{OK: true}
	for _, result := range results {
		total.OK = total.OK && result.OK
		total.Message = result.Message
		total.Failed = append(total.Failed, result.Failed...)
		total.Units = append(total.Units, result.Units...)
	}
	for _, err := range errs {
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// settle ends a mutation: its sentence, or what failed.
func (a *app) settle(selections []selection, did string, result api.Result) error {
	result.Message = sentence(selections, did, result.Message)
	a.warnOfLess(selections)
	if result.OK {
		a.out.success(result)
		return nil
	}
	if a.out.json {
		a.out.printJSON(result)
	}
	if len(result.Failed) == 0 {
		return &api.Diagnostic{Code: api.CodeInternal, Title: "not done: " + result.Message}
	}
	return failuresFrom(result.Failed)
}
