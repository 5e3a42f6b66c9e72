package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/logs"
	"systemg.org/sysg/pkg/paths"
)

// logTarget is one log to show.
type logTarget struct {
	project, service string
	// journaled: its lines are with journald, as far as that took them.
	journaled bool
}

// logOf is the path of a log.
func (i *instance) logOf(t logTarget) string {
	if t.project == "" {
		return i.supervisorLog()
	}
	return i.serviceLog(t.project, t.service)
}

// shelf is what logs there are: of what is installed, and of what was once.
type shelf struct {
	installed, former catalogue
	loose             map[string]bool // projects
	journaled         map[logTarget]bool
	manifests         map[string]string // by project
}

// shelf looks into the files, as it must where no supervisor runs. What cannot
// be read is not there.
func (i *instance) shelf() shelf {
	s := shelf{
		installed: catalogue{}, former: catalogue{},
		loose: map[string]bool{}, journaled: map[logTarget]bool{}, manifests: map[string]string{},
	}
	store := generation.Store{Dir: paths.Generations(i.state)}
	_, err := os.Stat(paths.JournalSocket)
	journald := err == nil
	projects, _ := store.Projects()
	for _, project := range projects {
		number, err := store.Active(project)
		if err != nil {
			continue
		}
		supervise, err := store.Supervise(project, number)
		if err != nil {
			continue
		}
		s.loose[project], s.manifests[project] = supervise.Loose, supervise.Manifest
		s.installed[project] = nil
		for _, service := range supervise.Services {
			s.installed[project] = append(s.installed[project], service.Name)
			s.journaled[logTarget{project: project, service: service.Name}] = journald && service.Logs.Sink == generation.SinkJournal
		}
	}
	former, _ := logs.List(paths.Logs(i.state))
	for _, log := range former {
		if !slices.Contains(s.installed[log.Project], log.Service) {
			s.former[log.Project] = append(s.former[log.Project], log.Service)
		}
	}
	return s
}

// targets are the logs that the flags mean.
func (l *logsCommand) targets(a *app, home *instance) ([]logTarget, error) {
	if l.supervisor {
		return []logTarget{{service: logs.Supervisor}}, nil
	}
	if exact := l.exact(); l.path && exact != nil {
		return exact, nil
	}
	// A supervisor that died is brought back, as by every command: what was
	// printed since is in the pipes still.
	if conn, err := home.reach(); err == nil {
		_ = conn.Close()
	}
	s := home.shelf()
	if l.scope.empty() && l.config == "" {
		return l.ofRun(home, s)
	}
	if err := s.narrow(l.config); err != nil {
		return nil, err
	}
	found, err := s.find(l.scope)
	for i := range found {
		found[i].journaled = s.journaled[found[i]]
	}
	return found, err
}

// ofRun are the logs in which the run that is asked for has lines.
func (l *logsCommand) ofRun(home *instance, s shelf) ([]logTarget, error) {
	found, err := logs.FindRun(paths.Logs(home.state), l.invocation)
	if err != nil {
		return nil, err
	}
	var targets []logTarget
	for _, log := range found {
		targets = append(targets, logTarget{project: log.Project, service: log.Service})
	}
	for t, journaled := range s.journaled { // The journal may have its lines.
		if t.journaled = journaled; journaled {
			targets = append(targets, t)
		}
	}
	if len(targets) == 0 {
		return nil, &api.Diagnostic{
			Code: api.CodeUnknownUnit, Title: fmt.Sprintf("no run %q has printed anything that is kept", l.invocation),
			Help: []api.Help{{Label: "see the current runs", Command: "sysg status --format json"}},
		}
	}
	return targets, nil
}

// exact are the services named in full, for which nobody has to be asked and
// nothing has to exist; nil where that is not all of them.
func (l *logsCommand) exact() []logTarget {
	var targets []logTarget
	for _, text := range l.scope.services {
		project, service, found := strings.Cut(text, "/")
		if !found {
			project, service = l.scope.project, text
		}
		if project == "" || l.scope.project != "" && project != l.scope.project {
			return nil
		}
		if strings.ContainsAny(service, "/") || strings.HasPrefix(service, ".") || strings.HasPrefix(project, ".") {
			return nil
		}
		targets = append(targets, logTarget{project: project, service: service})
	}
	return targets
}

// narrow leaves only the projects that were started from a manifest.
func (s shelf) narrow(config string) error {
	if config == "" {
		return nil
	}
	path, err := filepath.Abs(config)
	if err != nil {
		return fmt.Errorf("cannot tell where %q is: %w", config, err)
	}
	for project := range s.installed {
		if s.manifests[project] != path {
			delete(s.installed, project)
		}
	}
	clear(s.former)
	if len(s.installed) == 0 {
		return &api.Diagnostic{
			Code: api.CodeUnknownUnit, Title: fmt.Sprintf("no project was started from %q", path),
			Help: []api.Help{{Label: "see what was", Command: "sysg status"}},
		}
	}
	return nil
}

// find resolves what was named, in the order of its naming.
func (s shelf) find(names scope) ([]logTarget, error) {
	var found []logTarget
	add := func(project string, services ...string) {
		for _, service := range services {
			if t := (logTarget{project: project, service: service}); !slices.Contains(found, t) {
				found = append(found, t)
			}
		}
	}
	for _, text := range names.services {
		project, service, err := s.one(names, text)
		if err != nil {
			return nil, err
		}
		add(project, service)
	}
	if len(names.services) > 0 {
		return found, nil
	}
	selections, err := scope{project: names.project}.resolve(s.among(names.project))
	if err != nil {
		return nil, err
	}
	for _, selection := range selections {
		add(selection.project, s.among(selection.project)[selection.project]...)
	}
	return found, nil
}

// among are the projects that are installed, or, where the one that is named is
// not, those of which there are logs.
func (s shelf) among(project string) catalogue {
	if _, exists := s.installed[project]; project == "" || exists || s.former[project] == nil {
		return s.installed
	}
	return s.former
}

// one finds the service that one -s means. A name alone is that of a loose
// service first, then of any; what is installed comes before what was once.
func (s shelf) one(names scope, text string) (project, service string, err error) {
	alone := names.project == "" && !strings.Contains(text, "/")
	if alone {
		var loose []string
		for project, services := range s.installed {
			if s.loose[project] && slices.Contains(services, text) {
				loose = append(loose, project)
			}
		}
		if len(loose) == 1 {
			return loose[0], text, nil
		}
	}
	project, service, _, err = names.service(text, s.installed)
	if !isCode(err, api.CodeUnknownUnit) {
		return project, service, err
	}
	if project, service, _, formerErr := names.service(text, s.former); !isCode(formerErr, api.CodeUnknownUnit) {
		return project, service, formerErr
	}
	if alone {
		err = &api.Diagnostic{
			Code: api.CodeLooseMissing, Title: fmt.Sprintf("no service %q, and no output of one", text),
			Notes: err.(*api.Diagnostic).Notes,
			Help:  []api.Help{{Label: "see what there is", Command: "sysg status"}},
		}
	}
	return "", "", err
}
