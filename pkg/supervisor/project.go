package supervisor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/plan"
)

// install finds a project and makes the generation asked for (0: the active
// one) what it works from. Which services have to change is for adjust.
func (s *Supervisor) install(name string, number int) (*project, error) {
	active, err := s.generations.Active(name)
	if err != nil {
		return nil, unknownProject(name)
	}
	if number != 0 && number != active {
		return nil, &api.Diagnostic{
			Code:  api.CodeRestartRejected,
			Title: fmt.Sprintf("Generation %d of project '%s' is not the active one", number, name),
			Notes: []string{fmt.Sprintf("generation %d is active: it was installed since", active)},
		}
	}
	p := s.projects[name]
	next, err := s.generations.Supervise(name, active)
	if err != nil {
		return nil, fmt.Errorf("cannot read generation %d of project %q: %w", active, name, err)
	}
	if p != nil && p.generation.Number == active {
		p.generation.Settings = next.Settings // They may change without the rest.
		s.boundBy(next)
		return p, nil
	}
	if p == nil {
		p = &project{services: map[string]*service{}}
		s.projects[name] = p
		if s.unread[name] {
			s.reclaim(p, name)
		}
	}
	p.pending = &next
	return p, nil
}

// configure gives a service its definition, and makes it where it is new.
func (p *project) configure(config generation.Service) *service {
	v := p.services[config.Name]
	if v == nil {
		v = &service{
			project: p, state: machine.Down, since: time.Now(),
			cause: machine.Cause{Kind: machine.ByRequest, Text: "nobody has started it yet"},
		}
		v.slot = recordedSlot(config)
		p.services[config.Name] = v
		p.names = append(p.names, config.Name)
		slices.Sort(p.names)
	}
	v.redeclared(v.config.Sockets, config.Sockets)
	v.config, v.removed = config, false
	v.definedIn, v.definedBy = p.generation.Number, p.generation.Hash
	v.recast()
	p.metered = p.metered || config.Metrics != nil
	return v
}

// wanted reports whether anything of the project is wanted up.
func (p *project) wanted() bool {
	for _, v := range p.services {
		if v.wanted {
			return true
		}
	}
	return false
}

// pick checks names of services; none stands for all that the manifest has.
func (p *project) pick(names []string) ([]string, error) {
	if len(names) == 0 {
		return slices.DeleteFunc(slices.Clone(p.names), func(name string) bool { return p.services[name].removed }), nil
	}
	for _, name := range names {
		if p.services[name] == nil {
			return nil, p.unknownService(name)
		}
	}
	return slices.Clone(names), nil
}

func (p *project) unknownService(name string) error {
	return &api.Diagnostic{
		Code:  api.CodeUnknownUnit,
		Title: fmt.Sprintf("Service '%s' not found in project '%s'", name, p.generation.Project),
		Notes: []string{"its services are: " + strings.Join(p.names, ", ")},
		Help:  []api.Help{{Label: "list services", Command: "sysg status"}},
	}
}

func unknownProject(name string) error {
	return &api.Diagnostic{
		Code: api.CodeUnknownUnit, Title: fmt.Sprintf("Project '%s' not found", name),
		Help: []api.Help{{Label: "list projects", Command: "sysg status"}},
	}
}

// blocker says which dependency keeps a waiting service from starting, and why.
func (v *service) blocker() (*service, string) { return v.blockerIn(v.project.graph()) }

// blockerIn is blocker for who has the project's graph already.
func (v *service) blockerIn(graph plan.Graph) (*service, string) {
	edge := graph.Blocker(v.node())
	if edge == nil {
		return nil, ""
	}
	other := v.project.services[edge.Service]
	if other == nil { // Both are gone from the manifest, and it went first.
		return nil, ""
	}
	text := fmt.Sprintf("dependency %s: %s", edge.Service, other.outlook())
	if edge.Condition != generation.Started {
		text += fmt.Sprintf(" (needed: %s)", edge.Condition)
	}
	return other, text
}

// outlook is the state of a service in a few words for those who wait for it.
func (v *service) outlook() string {
	switch v.state {
	case machine.Down:
		return "stopped"
	case machine.BackingOff:
		return fmt.Sprintf("backing off, next try in %s", until(v.retryAt))
	case machine.GivenUp:
		if v.retryAt.IsZero() {
			return "given up"
		}
		return fmt.Sprintf("given up, next try in %s", until(v.retryAt))
	case machine.Done:
		return "done"
	}
	return strings.ReplaceAll(string(v.state), "_", " ")
}

// until is the time left, in a precision that people care about.
func until(at time.Time) time.Duration {
	left := time.Until(at)
	switch {
	case left > 10*time.Second:
		return left.Round(time.Second)
	case left > time.Second:
		return left.Round(100 * time.Millisecond)
	}
	return max(left.Round(10*time.Millisecond), 10*time.Millisecond) // "In 0s" is no time.
}
