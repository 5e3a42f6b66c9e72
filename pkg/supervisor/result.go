package supervisor

import (
	"fmt"
	"strings"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/plan"
)

// started reports whether each of the units is ready, has failed, or waits for
// one that has; those that are not up are told with the reason.
func (p *project) started(units []string, message string) (api.Result, bool) {
	result := api.Result{OK: true, Message: message, Units: units}
	for _, name := range units {
		v := p.services[name]
		switch {
		case v == nil || v.removed:
			// It is gone from the manifest, which somebody else has changed.
		case !v.wanted:
			result.OK = false
			result.Failed = append(result.Failed, v.overtaken())
		case v.stuck:
			result.OK = false
			result.Failed = append(result.Failed, v.diagnoseStuck())
		case v.rejected != nil:
			result.OK = false
			result.Failed = append(result.Failed, *v.rejected)
		case v.again && v.replaceable() && v.hopeless():
			result.OK = false
			result.Failed = append(result.Failed, v.postponed())
		case v.stuckBeside() != nil:
			result.OK = false
			result.Failed = append(result.Failed, v.stuckBeside().diagnoseStuck())
		case v.again || v.state == machine.Down || v.succeeded():
			return result, false
		case v.state == machine.Ready || v.state == machine.Done || v.state == machine.Skipped || v.state == machine.Listening && v.open || v.ticks():
		case failing(v.state) || v.state == machine.Waiting && v.hopeless():
			result.OK = false
			result.Failed = append(result.Failed, v.diagnose())
		default:
			return result, false
		}
	}
	return result, true
}

// hopeless reports whether a waiting service waits, directly or through
// others, for one that has failed or that nobody wants up.
func (v *service) hopeless() bool { return v.hopelessIn(v.project.graph()) }

func (v *service) hopelessIn(graph plan.Graph) bool {
	other, _ := v.blockerIn(graph)
	switch {
	case other == nil:
		return false
	case failing(other.state) || !other.wanted && !other.state.Alive():
		return true
	case other.state == machine.Done:
		return !other.again
	}
	return other.state == machine.Waiting && other.hopelessIn(graph)
}

// stopped reports whether nothing is left of the targets.
func stopped(targets []*service, message string) (api.Result, bool) {
	result := api.Result{OK: true, Message: message}
	for _, v := range targets {
		switch {
		case v.stuck || v.stuckChild():
			result.OK = false
			result.Failed = append(result.Failed, v.diagnoseStuck())
		case v.wanted:
			// Somebody else started it while we waited.
		case v.stuckBeside() != nil:
			result.OK = false
			result.Failed = append(result.Failed, v.stuckBeside().diagnoseStuck())
		case v.succeeded() || len(v.children) > 0 || v.closing > 0:
			return result, false
		case v.state.Alive() || v.state == machine.Waiting || v.state == machine.Listening || failing(v.state):
			return result, false
		}
	}
	return result, true
}

// overtaken says that somebody stopped a service while another waited for it.
func (v *service) overtaken() api.Diagnostic {
	return api.Diagnostic{
		Code:    api.CodeStartFailed,
		Title:   fmt.Sprintf("Service '%s' is not up: %s meanwhile", v.config.Name, v.wish.Text),
		Project: v.project.generation.Project, Service: v.config.Name,
		Help: []api.Help{{Label: "start it", Command: "sysg start -s " + v.selector()}},
	}
}

// selector names a service so that it is the only one.
func (v *service) selector() string { return v.project.generation.Project + "/" + v.config.Name }

// diagnose says why a service is not up.
func (v *service) diagnose() api.Diagnostic {
	name := v.config.Name
	diagnostic := api.Diagnostic{
		Code:    orElse(v.cause.Code, api.CodeStartFailed),
		Title:   fmt.Sprintf("Service '%s' is not up: %s", name, v.cause.Text),
		Project: v.project.generation.Project, Service: name,
		Help: []api.Help{
			{Label: "the chain of causes", Command: "sysg why " + v.selector()},
			{Label: "its output", Command: "sysg logs -s " + v.selector()},
		},
	}
	switch v.state {
	case machine.Waiting:
		_, text := v.blocker()
		diagnostic.Code = api.CodeDependency
		diagnostic.Title = fmt.Sprintf("Service '%s' is not up: it waits for %s", name, text)
	case machine.GivenUp:
		diagnostic.Code = api.CodeGivenUp
		diagnostic.Title = fmt.Sprintf("Service '%s' is given up after %d restarts: %s", name, v.restarts, v.cause.Text)
		diagnostic.Help = append(diagnostic.Help, api.Help{Label: "try again", Command: "sysg start -s " + v.selector()})
	case machine.BackingOff:
		diagnostic.Notes = append(diagnostic.Notes, fmt.Sprintf("it is tried again in %s (restart %d of %d)", until(v.retryAt), v.restarts, v.config.Restart.MaxRestarts))
	case machine.Failed:
		diagnostic.Notes = append(diagnostic.Notes, "it is not tried again, as its restart_policy says")
	}
	return diagnostic
}

func (v *service) diagnoseStuck() api.Diagnostic {
	return api.Diagnostic{
		Code:    api.CodeStopIncomplete,
		Project: v.project.generation.Project, Service: v.config.Name,
		Title: fmt.Sprintf("Service '%s' still has processes, although they were killed", v.config.Name),
		Notes: []string{"a process that SIGKILL does not end waits for the kernel, as a rule for a disk or a network file system"},
		Help:  []api.Help{{Label: "see them", Command: "sysg status"}},
	}
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

func startMessage(p *project, services []string, difference plan.Difference) string {
	message := subject(p.generation.Project, services) + " started"
	return message + summary(difference)
}

func restartMessage(p *project, params api.Restart, difference plan.Difference) string {
	did := " restarted"
	if params.Reconcile {
		did = " reloaded"
	}
	return subject(p.generation.Project, params.Services) + did + summary(difference)
}

func stopMessage(params api.Stop) string {
	if params.Project == "" && len(params.Services) == 0 {
		return "All services stopped"
	}
	if len(params.Services) == 0 {
		return fmt.Sprintf("Project '%s' stopped", params.Project)
	}
	return subject(params.Project, params.Services) + " stopped"
}

func subject(project string, services []string) string {
	switch len(services) {
	case 0:
		return fmt.Sprintf("Project '%s'", project)
	case 1:
		return fmt.Sprintf("Service '%s'", services[0])
	}
	return "Services '" + strings.Join(services, "', '") + "'"
}

// summary tells what a new generation changed, "" for nothing or all of it.
func summary(difference plan.Difference) string {
	if difference.Empty() || len(difference.Unchanged)+len(difference.Changed)+len(difference.Removed) == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d added, %d changed, %d removed, %d unchanged)",
		len(difference.Added), len(difference.Changed), len(difference.Removed), len(difference.Unchanged))
}
