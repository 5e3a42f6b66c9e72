package manifest

import (
	"fmt"
	"slices"
	"strings"

	"systemg.org/sysg/pkg/generation"
)

// checkService checks what concerns several keys of one service. If it may have
// a command, of which a problem has been reported, none is missed.
func (r *reader) checkService(s *Service, entry value) {
	maybe := entry.mayHave(&serviceObject, "command", "exec")
	if s.Command != "" || s.Exec != nil || !maybe {
		if err := oneOf(s.Command != "", s.Exec != nil); err != nil {
			r.report(s.at, Problem{
				Kind: KindNoCommand, Message: fmt.Sprintf("service %s has %v", quote(s.Name), err), Suggestion: "give exactly one of them",
			})
		}
	}
	if s.Ready.By == generation.ByHealth && s.Deployment.Health == nil {
		r.report(s.at, Problem{
			Kind:       KindHealthCheck,
			Message:    fmt.Sprintf("service %s is ready by health but has no health check", quote(s.Name)),
			Suggestion: "add deployment.health_check, or write ready: stable",
		})
	}
	if s.Ready.By == "" {
		s.Ready.By = generation.ByStable
		if s.Deployment.Health != nil {
			s.Ready.By = generation.ByHealth
		}
	}
	r.checkLife(s, entry)
	if r.opts.System {
		r.checkSystem(s, entry)
	}
	r.checkDeployment(s, entry)
	r.differ(s, entry)
}

// checkGraph checks that every dependency exists, can come true, and does not
// depend on what depends on it.
func (r *reader) checkGraph(p *Project) {
	services := make(map[string]*Service, len(p.Services))
	names := make([]string, 0, min(len(p.Services), maxNames))
	for i := range p.Services {
		s := &p.Services[i]
		services[s.Name] = s
		if len(names) < maxNames {
			names = append(names, s.Name)
		}
	}
	for i := range p.Services {
		seen := map[string]bool{}
		for _, d := range p.Services[i].DependsOn {
			if seen[d.Service] {
				r.bad(d.at, fmt.Sprintf("dependency %s is there twice", quote(d.raw)), "")
			}
			seen[d.Service] = true
			r.checkDependency(d, services[d.Service], names)
		}
	}
	r.checkCycles(p, services)
	r.checkAddresses(p)
	if len(p.Services) > generation.MaxServices {
		r.report(p.Services[0].at, Problem{
			Kind: KindConfig, Message: fmt.Sprintf("project %s has %d services, and one can have %d", quote(p.ID), len(p.Services), generation.MaxServices),
			Suggestion: "make several projects of it",
		})
	}
}

// maxNames bounds the names that a misspelt one is compared with.
const maxNames = 1000

func (r *reader) checkDependency(d Dependency, on *Service, names []string) {
	switch {
	case on == nil:
		p := Problem{Kind: KindUnknownService, Message: fmt.Sprintf("no service %s to depend on", quote(d.raw))}
		if meant, found := Nearest(d.Service, names); found {
			p.Suggestion = fmt.Sprintf("did you mean %q?", meant)
		} else {
			p.Why = "services depend on services of their own project only"
		}
		r.report(d.at, p)
	case d.Condition == generation.Healthy && on.Deployment.Health == nil:
		r.report(d.at, Problem{
			Kind:       KindHealthCheck,
			Message:    fmt.Sprintf("service %s has no health check, so it never becomes healthy", quote(d.Service)),
			Suggestion: "add deployment.health_check to it, or write condition: started",
		})
	case d.Condition == generation.Completed && on.Restart.Policy == generation.Always:
		r.report(d.at, Problem{
			Kind: KindConfig, Warning: true,
			Message:    fmt.Sprintf("service %s is restarted after every end, so it may never count as completed", quote(d.Service)),
			Suggestion: "write restart_policy: on-failure or never there",
		})
	}
}

// checkCycles walks the graph depth first. A dependency on a service that is
// on the way from the start of the walk closes a cycle.
func (r *reader) checkCycles(p *Project, services map[string]*Service) {
	onWay, done := map[string]bool{}, map[string]bool{}
	var way []string
	var visit func(s *Service)
	visit = func(s *Service) {
		way, onWay[s.Name] = append(way, s.Name), true
		for _, d := range s.DependsOn {
			next := services[d.Service]
			switch {
			case next == nil || done[d.Service]:
			case onWay[d.Service] && r.errors >= maxProblems:
				// Finding the cycle takes time that nobody would see the use of.
			case onWay[d.Service]:
				r.reportCycle(d, way[slices.Index(way, d.Service):])
			default:
				visit(next)
			}
		}
		way, onWay[s.Name], done[s.Name] = way[:len(way)-1], false, true
	}
	for i := range p.Services {
		if s := &p.Services[i]; !done[s.Name] {
			visit(s)
		}
	}
}

// maxShown bounds the names of a cycle that are printed.
const maxShown = 20

func (r *reader) reportCycle(d Dependency, cycle []string) {
	shown := slices.Clone(cycle[:min(len(cycle), maxShown)])
	if len(cycle) > maxShown {
		shown = append(shown, "…")
	}
	shown = append(shown, d.Service)
	r.report(d.at, Problem{
		Kind: KindCycle, Message: "services wait for one another: " + strings.Join(shown, " → "),
		Suggestion: "remove one of these dependencies",
	})
}
