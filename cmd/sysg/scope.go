package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
)

// catalogue is which services there are, by project: as a manifest says, or
// as the supervisor does.
type catalogue map[string][]string

func catalogueOf(snapshot api.Snapshot) catalogue {
	c := catalogue{}
	for _, unit := range snapshot.Units {
		c[unit.Project.ID] = append(c[unit.Project.ID], unit.Name)
	}
	return c
}

func catalogueOfManifest(generations []generation.Generation) catalogue {
	c := catalogue{}
	for _, g := range generations {
		c[g.Supervise.Project] = nil
		for _, service := range g.Supervise.Services {
			c[g.Supervise.Project] = append(c[g.Supervise.Project], service.Name)
		}
	}
	return c
}

// selection is what one call is about: a project, or some services of it.
type selection struct {
	project  string
	services []string
	// named is set where the user said which project.
	named bool
}

// scope is what -p and -s say.
type scope struct {
	project  string
	services []string
}

func (s scope) empty() bool { return s.project == "" && len(s.services) == 0 }

// resolve finds out what is meant, one selection a project, sorted. Without
// -p and -s that is every project.
func (s scope) resolve(known catalogue) ([]selection, error) {
	if s.project != "" {
		if _, exists := known[s.project]; !exists {
			return nil, unknownProject(s.project, known)
		}
	}
	if len(s.services) == 0 {
		return s.projects(known), nil
	}
	found := map[string]selection{}
	for _, text := range s.services {
		project, service, named, err := s.service(text, known)
		if err != nil {
			return nil, err
		}
		pick := found[project]
		if !slices.Contains(pick.services, service) {
			pick.services = append(pick.services, service)
		}
		found[project] = selection{project, pick.services, named}
	}
	var selections []selection
	for _, project := range slices.Sorted(maps.Keys(found)) {
		selections = append(selections, found[project])
	}
	return selections, nil
}

func (s scope) projects(known catalogue) []selection {
	if s.project != "" {
		return []selection{{project: s.project, named: true}}
	}
	var all []selection
	for _, project := range slices.Sorted(maps.Keys(known)) {
		all = append(all, selection{project: project})
	}
	return all
}

// service finds the project of one -s, which may name it: project/service.
func (s scope) service(text string, known catalogue) (project, service string, named bool, err error) {
	project, service, found := strings.Cut(text, "/")
	if !found {
		project, service = s.project, text
	}
	if s.project != "" && project != s.project {
		return "", "", false, &api.Diagnostic{
			Code:  api.CodeProjectMismatch,
			Title: fmt.Sprintf("-s %s and -p %s are about different projects", text, s.project),
		}
	}
	if project != "" {
		services, exists := known[project]
		switch {
		case !exists:
			return "", "", false, unknownProject(project, known)
		case !slices.Contains(services, service):
			return "", "", false, unknownService(service, fmt.Sprintf(" in project %q", project), services)
		}
		return project, service, true, nil
	}
	var owners, all []string
	for _, candidate := range slices.Sorted(maps.Keys(known)) {
		all = append(all, known[candidate]...)
		if slices.Contains(known[candidate], service) {
			owners = append(owners, candidate)
		}
	}
	switch len(owners) {
	case 0:
		return "", "", false, unknownService(service, "", all)
	case 1:
		return owners[0], service, false, nil
	}
	d := &api.Diagnostic{
		Code:  api.CodeAmbiguous,
		Title: fmt.Sprintf("service %q is in several projects: %s", service, strings.Join(owners, ", ")),
	}
	for _, owner := range owners {
		d.Help = append(d.Help, api.Help{Label: "the one in " + owner, Command: "-s " + owner + "/" + service})
	}
	return "", "", false, d
}

func unknownProject(project string, known catalogue) *api.Diagnostic {
	d := &api.Diagnostic{Code: api.CodeUnknownUnit, Title: fmt.Sprintf("no project %q", project)}
	if len(known) > 0 {
		d.Notes = []string{"there is " + strings.Join(slices.Sorted(maps.Keys(known)), ", ")}
	}
	return d
}

func unknownService(service, where string, known []string) *api.Diagnostic {
	d := &api.Diagnostic{Code: api.CodeUnknownUnit, Title: fmt.Sprintf("no service %q%s", service, where)}
	if len(known) > 0 {
		d.Notes = []string{"there is " + strings.Join(slices.Sorted(slices.Values(known)), ", ")}
	}
	return d
}

// isCode says whether err is a diagnostic with one of the codes.
func isCode(err error, codes ...string) bool {
	var d *api.Diagnostic
	return errors.As(err, &d) && slices.Contains(codes, d.Code)
}

// sentence says what was done to the selections. What the supervisor says
// itself is used where it can know better.
func sentence(selections []selection, did, said string) string {
	if len(selections) != 1 {
		return "All services " + did
	}
	s := selections[0]
	switch {
	case s.named && len(s.services) > 0:
		return fmt.Sprintf("%s %s in project '%s'", s.subject(), did, s.project)
	case said != "":
		return said
	default:
		return s.subject() + " " + did
	}
}

// subject is what a selection is about, as a sentence begins with it.
func (s selection) subject() string {
	switch len(s.services) {
	case 0:
		return fmt.Sprintf("Project '%s'", s.project)
	case 1:
		return fmt.Sprintf("Service '%s'", s.services[0])
	default:
		return fmt.Sprintf("Services '%s'", strings.Join(s.services, "', '"))
	}
}
