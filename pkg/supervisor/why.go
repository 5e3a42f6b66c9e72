package supervisor

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/machine"
)

// evidenceLines is how much of a service's output a diagnosis quotes.
const evidenceLines = 20

// Why tells the chain of causes of a service's state: the service itself, then
// whatever explains it, to the root.
func (s *Supervisor) Why(ctx context.Context, _ api.Caller, params api.Why) ([]api.Link, error) {
	var links []api.Link
	err := s.consult(ctx, func() error {
		p := s.projects[params.Project]
		if p == nil {
			return unknownProject(params.Project)
		}
		if _, err := p.pick([]string{params.Service}); err != nil {
			return err
		}
		links = p.services[params.Service].chain()
		return nil
	})
	for i := range links {
		if troubled(machine.State(links[i].Phase)) {
			links[i].Evidence = append(links[i].Evidence, s.evidence(ctx, links[i].Project, links[i].Service)...)
		}
	}
	return links, err
}

// troubled reports whether the output of a service in this state is evidence.
func troubled(state machine.State) bool {
	return failing(state) || state == machine.Ending
}

// chain follows causes from service to service. Dependencies have no cycles,
// but what failed because of what may: each service appears once.
func (v *service) chain() []api.Link {
	var links []api.Link
	seen := map[*service]bool{}
	for v != nil && !seen[v] {
		seen[v] = true
		next, _ := v.blocker()
		if v.state != machine.Waiting {
			next = v.project.services[v.cause.Service]
		}
		links = append(links, v.link())
		v = next
	}
	return links
}

func (v *service) link() api.Link {
	link := api.Link{
		Project: v.project.generation.Project, Service: v.config.Name, Phase: string(v.state),
		Since: timestamp(v.since), Cause: v.because(), Evidence: []string{}, Help: []api.Help{},
	}
	for _, transition := range v.story() {
		link.Evidence = append(link.Evidence, fmt.Sprintf("%s %s → %s: %s",
			transition.At.Format("15:04:05.000"), transition.From, transition.To, transition.Cause.Text))
	}
	switch {
	case failing(v.state):
		link.Help = append(link.Help,
			api.Help{Label: "try again", Command: "sysg start -s " + v.selector()},
			api.Help{Label: "its output", Command: "sysg logs -s " + v.selector()})
	case v.state == machine.Down:
		link.Help = append(link.Help, api.Help{Label: "start it", Command: "sysg start -s " + v.selector()})
	}
	return link
}

// story is the history without what nobody did: the step through preparing of
// a service that has nothing to prepare.
func (v *service) story() []machine.Transition {
	if v.config.PreStart != nil {
		return v.history
	}
	var story []machine.Transition
	for _, transition := range v.history {
		if transition.To == machine.Preparing {
			continue
		}
		if transition.From == machine.Preparing {
			transition.From = machine.Waiting
		}
		story = append(story, transition)
	}
	return story
}

// evidence is the end of what a service has printed since it was last tried.
func (s *Supervisor) evidence(ctx context.Context, project, service string) []string {
	var since time.Time
	err := s.consult(ctx, func() error {
		if p := s.projects[project]; p != nil && p.services[service] != nil {
			since = p.services[service].tried
		}
		return nil
	})
	if err != nil {
		return nil // nobody is there to read it
	}
	lines, _, err := s.logs.Tail(project, service, evidenceLines, "")
	if err != nil {
		return []string{"cannot read its log: " + err.Error()}
	}
	var evidence []string
	for _, line := range lines {
		// Earlier runs are another story. Raw lines have no time.
		if line.Time.IsZero() || !line.Time.Before(since.Truncate(time.Microsecond)) {
			evidence = append(evidence, strings.TrimPrefix(line.Stream+": ", ": ")+line.Text)
		}
	}
	return evidence
}

// portInUse matches what programs say when they cannot bind.
var portInUse = regexp.MustCompile(`(?i)address already in use|EADDRINUSE`)

// explain adds the services' output to a result that tells of failures, and
// sharpens the code where the output says more than the exit.
func (s *Supervisor) explain(ctx context.Context, result *api.Result) {
	for i := range result.Failed {
		diagnostic := &result.Failed[i]
		if diagnostic.Code == api.CodeDependency || diagnostic.Service == "" {
			continue
		}
		diagnostic.Evidence = s.evidence(ctx, diagnostic.Project, diagnostic.Service)
		for _, line := range diagnostic.Evidence {
			if portInUse.MatchString(line) && diagnostic.Code != api.CodeGivenUp {
				diagnostic.Code = api.CodePortInUse
			}
		}
	}
}
