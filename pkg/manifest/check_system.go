package manifest

import (
	"fmt"

	"systemg.org/sysg/pkg/generation"
)

// checkSystem checks what only the system's instance is asked for, and resolves
// what sysg-exec gets as numbers: it looks up no name.
func (r *reader) checkSystem(s *Service, entry value) {
	r.identify(s, entry)
	for i := range s.Sockets {
		r.ownSocket(s, &s.Sockets[i])
	}
	isolation := &s.Confinement.Isolation
	if p := isolation.NoNewPrivileges; p != nil && !*p && (isolation.Seccomp != nil || isolation.Landlock != nil) {
		r.report(entry.at("isolation").at("no_new_privileges"), Problem{
			Kind: KindConfig, Message: fmt.Sprintf("service %s: seccomp and landlock imply no_new_privileges", quote(s.Name)),
			Why: "a program that gains privileges would run under a filter made for another", Suggestion: "leave no_new_privileges out",
		})
	}
	r.compileSeccomp(s, entry)
	if b := s.Deployment.BlueGreen; b != nil && b.StatePath != "" {
		r.mustBeOurs(entry.at("deployment").at("blue_green").at("state_path"), b.StatePath)
	}
}

// mustBeOurs refuses a path that the supervisor writes and that is not below its
// own folder: it runs as a user who may write nowhere else.
func (r *reader) mustBeOurs(v value, file string) {
	if !isBelow(file, r.opts.State) {
		r.bad(v, fmt.Sprintf("%s must be below %s in the system's instance", v.name, r.opts.State), "leave it out, or write a path there")
	}
}

// compileSeccomp makes the filter where the manifest is read, so that what is
// wrong with it is told with its place.
func (r *reader) compileSeccomp(s *Service, entry value) {
	profile := s.Confinement.Isolation.Seccomp
	if profile == nil {
		return
	}
	at := entry.at("isolation").at("seccomp")
	if r.opts.CompileSeccomp == nil {
		r.bad(at, "this program cannot compile a seccomp filter", "")
		return
	}
	key := fmt.Sprint(*profile)
	filter, known := r.filters[key]
	if !known {
		var err error
		if filter, err = r.opts.CompileSeccomp(*profile); err != nil {
			r.bad(at, fmt.Sprintf("cannot compile the seccomp filter: %v", err), "")
			return
		}
		if r.filters == nil {
			r.filters = map[string]*generation.Seccomp{}
		}
		r.filters[key] = filter
	}
	s.seccomp = filter
}
