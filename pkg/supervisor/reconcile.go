package supervisor

import (
	"slices"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/plan"
)

// reconcile brings a project to its pending generation, if there is one, and
// restarts what else the scope asks for. What becomes of which service is
// decided by plan.Reconcile alone; here it becomes wishes.
func (s *Supervisor) reconcile(p *project, scope plan.Scope, cause machine.Cause) (plan.Difference, []plan.Change) {
	next := p.generation
	if p.pending != nil {
		next = *p.pending
		p.pending = nil
		s.boundBy(next)
	}
	difference := plan.Diff(p.generation.Services, next.Services)
	changes := plan.Reconcile(p.graph(), p.generation.Services, next.Services, scope)
	p.generation = next
	for _, config := range next.Services {
		p.configure(config)
	}
	for _, change := range changes {
		s.dispose(p.services[change.Service], change, scope, cause)
	}
	s.touch(p)
	return difference, changes
}

// dispose makes a change a wish.
func (s *Supervisor) dispose(v *service, change plan.Change, scope plan.Scope, cause machine.Cause) {
	named := slices.Contains(scope.Named, change.Service)
	if !named {
		cause.Text += " and " + change.Because
	}
	switch change.Fate {
	case plan.End:
		v.wanted, v.again, v.removed, v.wish = false, false, true, cause
	case plan.Begin:
		s.want(v, cause, named)
	case plan.Anew, plan.Replace:
		v.wanted, v.again, v.gently, v.wish, v.rejected = true, true, true, cause, nil
		if named {
			v.alone = false
		}
	}
}

// defines checks that services are in what the project is about to work from,
// before anything of it changes.
func (p *project) defines(names []string) error {
	if p.pending == nil {
		_, err := p.pick(names)
		return err
	}
	defined := &project{generation: *p.pending}
	for _, config := range p.pending.Services {
		defined.names = append(defined.names, config.Name)
	}
	for _, name := range names {
		if !slices.ContainsFunc(p.pending.Services, func(c generation.Service) bool { return c.Name == name }) {
			return defined.unknownService(name)
		}
	}
	return nil
}

// affected are the services that a restart answers for: those named, else all
// that are wanted up; of a reload, those that it did something to.
func (p *project) affected(scope plan.Scope, changes []plan.Change) []string {
	if len(scope.Named) > 0 {
		return slices.Clone(scope.Named)
	}
	var names []string
	for _, change := range changes {
		touched := change.Fate == plan.Begin || change.Fate == plan.Anew || change.Fate == plan.Replace
		if v := p.services[change.Service]; v != nil && v.wanted && (touched || scope.All) {
			names = append(names, change.Service)
		}
	}
	return names
}
