package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/paths"
	"systemg.org/sysg/pkg/spec"
)

// graftNamed leaves of each new generation only what -s names: the rest stays
// as it is in force. Selections without -s take all of it.
func (a *app) graftNamed(generations []generation.Generation, selections []selection) ([]generation.Generation, error) {
	grafted := slices.Clone(generations)
	for i, g := range generations {
		for _, s := range selections {
			if s.project != g.Supervise.Project || len(s.services) == 0 {
				continue
			}
			active, err := a.active(s.project)
			if err != nil {
				continue // It was never installed: all of it is new.
			}
			if grafted[i], err = graft(active, g, s.services); err != nil {
				return nil, rejected(err)
			}
		}
	}
	return grafted, nil
}

// active is the generation of a project that is in force.
func (a *app) active(project string) (*generation.Generation, error) {
	store := generation.Store{Dir: paths.Generations(a.instance.state)}
	number, err := store.Active(project)
	if err != nil {
		return nil, err
	}
	return store.Load(project, number)
}

// graft is the active generation with some services as next has them. It is
// refused where next has other services, or ties them in another way: then what
// is named cannot be looked at alone.
func graft(active *generation.Generation, next generation.Generation, names []string) (generation.Generation, error) {
	if changes := structure(active.Supervise.Services, next.Supervise.Services, names); len(changes) > 0 {
		return generation.Generation{}, &api.Diagnostic{
			Code:  api.CodeRestartRejected,
			Title: fmt.Sprintf("the manifest of project '%s' has changed in more than -s names: %s", next.Supervise.Project, strings.Join(changes, ", ")),
			Help:  []api.Help{{Label: "take all of it", Command: "sysg restart -p " + next.Supervise.Project}, {Label: "see what that would do", Command: "sysg plan"}},
		}
	}
	grafted := next
	grafted.Supervise.Sources = active.Supervise.Sources // It is not what the files say.
	grafted.Supervise.Services = slices.Clone(next.Supervise.Services)
	grafted.Launch.Services = slices.Clone(next.Launch.Services)
	for i, service := range next.Supervise.Services {
		if slices.Contains(names, service.Name) {
			continue
		}
		grafted.Supervise.Services[i], _ = active.Supervise.Service(service.Name)
		grafted.Launch.Services[i], _ = active.Launch.Service(service.Name)
	}
	generation.Seal(&grafted)
	return grafted, nil
}

// structure tells which services are new, gone or depend on others, but for
// those named.
func structure(old, next []generation.Service, names []string) []string {
	was := map[string]generation.Service{}
	for _, service := range old {
		was[service.Name] = service
	}
	var changes []string
	for _, service := range next {
		before, known := was[service.Name]
		delete(was, service.Name)
		switch {
		case slices.Contains(names, service.Name):
		case !known:
			changes = append(changes, service.Name+" is new")
		case !slices.Equal(before.DependsOn, service.DependsOn):
			changes = append(changes, service.Name+" depends on others")
		}
	}
	for name := range was {
		changes = append(changes, name+" is gone")
	}
	slices.Sort(changes)
	return changes
}

// installOrStay installs, or stays with what is in force where the caller may
// not install: who may restart a service need not be who says what it is.
func (a *app) installOrStay(generations []generation.Generation, selections []selection) (map[string]int, error) {
	numbers, err := a.install(generations, selections)
	if !mayNot(err) {
		return numbers, err
	}
	for _, s := range selections {
		g, found := byProject(generations, s.project)
		active, err := a.active(s.project)
		if !found || err == nil && active.Supervise.Hash == g.Supervise.Hash {
			continue
		}
		a.warn(fmt.Sprintf("the manifest of project '%s' has changed since it was installed, and you may not install it: it is restarted as it was", s.project))
	}
	return nil, nil
}

// mayNot reports whether sysg-exec does not take orders from the caller.
func mayNot(err error) bool {
	var refused *execclient.Refused
	return errors.Is(err, os.ErrPermission) || errors.As(err, &refused) && refused.Reason == spec.ReasonPeer
}
