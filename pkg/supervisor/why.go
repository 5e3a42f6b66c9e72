package supervisor

import (
	"context"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/plan"
)

// remembered is how many steps of a service `sysg why` shows at least, where the
// journal has them: after a restart of ours we know of none ourselves.
const remembered = 8

// strand is a link on its way: what the loop knows, for the journal and the log
// to complete.
type strand struct {
	link  api.Link
	steps []string // that the service remembers
	// direct: it has nothing to prepare, so that nobody did the step through
	// preparing.
	direct bool
}

// Why tells the chain of causes of a service's state: the service itself, then
// whatever explains it, to the root.
func (s *Supervisor) Why(ctx context.Context, _ api.Caller, params api.Why) ([]api.Link, error) {
	var strands []strand
	eldest := 0 // the first event of which a service may remember
	err := s.consult(ctx, func() error {
		p := s.projects[params.Project]
		if p == nil {
			return unknownProject(params.Project)
		}
		if _, err := p.pick([]string{params.Service}); err != nil {
			return err
		}
		strands, eldest = p.services[params.Service].chain(), s.eldest
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.remember(strands, eldest)
	links := make([]api.Link, 0, len(strands))
	for _, strand := range strands {
		link := strand.link
		link.Evidence = append(strand.steps, link.Evidence...)
		if troubled(link) {
			link.Evidence = append(link.Evidence, s.evidence(ctx, link.Project, link.Service)...)
		}
		links = append(links, link)
	}
	return links, nil
}

// troubled reports whether the output of a service is evidence.
func troubled(link api.Link) bool {
	state := machine.State(link.Phase)
	return failing(state) || state == machine.Ending || link.Code != ""
}

// chain follows causes from service to service. Dependencies have no cycles,
// but what failed because of what may: each service appears once.
func (v *service) chain() []strand {
	var strands []strand
	graph := v.project.graph()
	seen := map[*service]bool{}
	for v != nil && !seen[v] {
		seen[v] = true
		next := v.project.services[v.cause.Service]
		if other, _ := v.blockerIn(graph); other != nil && v.pending() {
			next = other
		}
		strands = append(strands, v.strand(graph))
		v = next
	}
	return strands
}

// pending reports whether the service waits for what it depends on: to start, or
// for a run that is due.
func (v *service) pending() bool {
	return v.state == machine.Waiting || v.cron != nil && v.cron.owed != nil
}

func (v *service) strand(graph plan.Graph) strand {
	link := api.Link{
		Project: v.project.generation.Project, Service: v.config.Name, Phase: string(v.state), Code: v.cause.Code,
		Since: timestamp(v.since), Cause: v.because(graph), Evidence: v.sayings(), Help: v.remedies(),
	}
	strand := strand{link: link, direct: v.direct()}
	for _, transition := range v.story() {
		strand.steps = append(strand.steps, stepLine(transition.At, string(transition.From), string(transition.To), transition.Cause.Text))
	}
	return strand
}

// remedies are what may be done about the state of a service.
func (v *service) remedies() []api.Help {
	start := "sysg start -s " + v.selector()
	output := api.Help{Label: "its output", Command: "sysg logs -s " + v.selector()}
	var help []api.Help
	switch {
	case failing(v.state):
		help = []api.Help{{Label: "try again", Command: start}, output}
	case v.state == machine.Down:
		help = []api.Help{{Label: "start it", Command: start}}
	case v.state == machine.Skipped && !v.excused():
		help = []api.Help{{Label: "start it all the same", Command: start}}
	case v.state == machine.Scheduled:
		help = []api.Help{
			{Label: "run it now", Command: "sysg cron run -s " + v.selector()},
			{Label: "its runs so far", Command: "sysg cron history -s " + v.selector()},
		}
	}
	if v.cause.Code != "" {
		help = append(help, api.Help{Label: "what " + v.cause.Code + " means", Command: "sysg explain " + v.cause.Code})
	}
	return help
}

// direct reports whether the service has nothing to prepare.
func (v *service) direct() bool {
	return v.config.PreStart == nil && v.config.Skip != generation.SkipByCommand
}

// story is the history without what nobody did: the step through preparing of
// a service that has nothing to prepare.
func (v *service) story() []machine.Transition {
	if !v.direct() {
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

// explain adds the services' output to a result that tells of failures, and
// sharpens the code where the output says more than the exit.
func (s *Supervisor) explain(ctx context.Context, result *api.Result) {
	for i := range result.Failed {
		diagnostic := &result.Failed[i]
		if diagnostic.Code == api.CodeDependency || diagnostic.Service == "" {
			continue
		}
		diagnostic.Evidence = s.evidence(ctx, diagnostic.Project, diagnostic.Service)
		if portInUse(diagnostic.Code, diagnostic.Evidence) {
			diagnostic.Code = api.CodePortInUse
		}
	}
}
