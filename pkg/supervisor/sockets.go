package supervisor

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// The sockets of a service outlive its incarnations: sysg-exec makes and holds
// them, and hands them to each one. They outlive sysg-exec too: it has them back
// from its holder, or from here, where copies of them are kept. They are closed when the
// service is stopped, or gone from its manifest; while it is only backing off,
// connections wait for its return.
//
// A lazy service waits in `listening` until somebody connects. sysg-exec looks
// at the sockets then, and says so once.

// listen has sysg-exec make the service's sockets, as far as it has not got
// them, and watch those of a lazy one. What comes back are copies; with back,
// those that we have go along, since it may have none.
func (s *Supervisor) listen(v *service, back bool) {
	complete := len(v.sockets) == len(v.config.Sockets)
	if len(v.config.Sockets) == 0 || !s.connected || complete && !back && v.state != machine.Listening {
		return
	}
	p := v.project.generation
	names, files := v.copies(s.inherited, back)
	v.open = false
	err := s.helper.Listen(spec.Listen{
		Project: p.Project, Generation: p.Number, Hash: p.Hash, Service: v.config.Name,
		Names: names, Watch: v.state == machine.Listening,
	}, files)
	if err != nil {
		s.log.Debug("Cannot ask for sockets now", "service", v.config.Name, "error", err)
	}
}

// copies are duplicates of what is kept for the service's sockets, and of what
// the supervisor itself was given for them.
func (v *service) copies(inherited map[string]*os.File, back bool) (names []string, files []*os.File) {
	for _, socket := range v.config.Sockets {
		kept := v.sockets[socket.Name]
		switch {
		case kept == nil && socket.Kind == generation.SocketInherit:
			kept = inherited[socket.Address]
		case !back:
			kept = nil
		}
		if kept == nil {
			continue
		}
		if file, err := sys.DupFile(kept); err == nil {
			names, files = append(names, socket.Name), append(files, file)
		}
	}
	return names, files
}

// heardSockets takes what sysg-exec says of sockets; it reports whether that
// was all.
func (s *Supervisor) heardSockets(event execclient.Event) bool {
	if event.Request != execclient.RequestListen && event.Reply.Wanted == nil {
		return false
	}
	v := s.service(event.Project, event.Service)
	switch reply := event.Reply; {
	case v == nil:
		event.CloseFiles()
	case reply.Listening != nil:
		v.open = true
		v.keepSockets(reply.Listening.Names, event.Sockets)
	case reply.Wanted != nil:
		v.called = true
		s.answerCall(v)
	case reply.Refused != nil:
		s.unheard(v, *reply.Refused)
	}
	return true
}

// service finds a service, nil if there is none.
func (s *Supervisor) service(project, name string) *service {
	if p := s.projects[project]; p != nil {
		return p.services[name]
	}
	return nil
}

// keepSockets replaces the copies.
func (v *service) keepSockets(names []string, files []*os.File) {
	v.dropSockets(func(string) bool { return true })
	if len(names) > 0 {
		v.sockets = make(map[string]*os.File, len(names))
	}
	for i, name := range names {
		v.sockets[name] = files[i]
	}
}

// dropSockets closes copies.
func (v *service) dropSockets(which func(name string) bool) {
	for name, file := range v.sockets {
		if which(name) {
			_ = file.Close()
			delete(v.sockets, name)
		}
	}
}

// redeclared drops the copies of sockets that are declared in another way now.
func (v *service) redeclared(old, next []generation.Socket) {
	v.dropSockets(func(name string) bool {
		for _, socket := range old {
			if socket.Name == name {
				return !slices.Contains(next, socket)
			}
		}
		return true
	})
}

// lazily says what a lazy service waits for.
func (v *service) lazily() string {
	var places []string
	for _, socket := range v.config.Sockets {
		places = append(places, fmt.Sprintf("%s %s", socket.Kind, socket.Address))
	}
	return "it starts when somebody connects to " + strings.Join(places, " or ")
}

// answerCall starts a lazy service that somebody wants, as soon as nothing of
// it is left.
func (s *Supervisor) answerCall(v *service) {
	if v.called && v.state == machine.Listening && !v.occupied() {
		v.called = false
		s.feed(v, machine.Due, machine.Cause{Kind: machine.ByRequest, Text: "somebody connects to it"})
	}
}

// answerCalls looks at those that had to wait.
func (s *Supervisor) answerCalls(p *project) {
	for _, name := range p.names {
		s.answerCall(p.services[name])
	}
}

// unheard is a service whose sockets cannot be made. Where it is being started
// the launch fails for the same reason, and tells.
func (s *Supervisor) unheard(v *service, refused spec.Refused) {
	if v.state != machine.Listening {
		s.log.Debug("Refused by sysg-exec, ignoring", "service", v.selector(), "detail", refused.Detail)
		return
	}
	cause := machine.Cause{Kind: machine.ByLaunch, Code: socketCode(refused.Detail), Text: "its sockets could not be made: " + refused.Detail}
	s.feed(v, machine.Judge(v.config, machine.End{Condemned: true}, v.restarts), cause)
}

// socketCode is the code of a failure to make a socket.
func socketCode(detail string) string {
	if strings.Contains(detail, "address already in use") {
		return api.CodePortInUse
	}
	return api.CodeLaunch
}

// unlisten closes the sockets of a service that goes down.
func (s *Supervisor) unlisten(v *service) {
	v.called = false
	if len(v.config.Sockets) == 0 && len(v.sockets) == 0 && !v.config.Notify && len(v.stored) == 0 {
		return
	}
	v.dropStored(func(string) bool { return true })
	v.dropSockets(func(string) bool { return true })
	err := s.helper.Unlisten(spec.Unlisten{Project: v.project.generation.Project, Service: v.config.Name})
	if err != nil {
		s.log.Debug("Cannot have sockets closed now", "service", v.config.Name, "error", err)
		return
	}
	v.closing++ // A stop is over when nobody can connect any more.
}

// unlistened is the answer to an Unlisten.
func (s *Supervisor) unlistened(event execclient.Event) {
	if v := s.service(event.Project, event.Service); v != nil && v.closing > 0 {
		v.closing--
	}
	if event.Reply.Refused != nil {
		s.refused(event)
	}
}

// unanswered forgets what sysg-exec will not answer any more.
func (s *Supervisor) unanswered() {
	for _, p := range s.projects {
		for _, v := range p.services {
			v.closing = 0
		}
	}
}

// relisten gives a new sysg-exec the sockets of services, as far as it has not
// got them back by itself, and has it watch those of the lazy ones.
func (s *Supervisor) relisten(p *project) {
	for _, name := range p.names {
		v := p.services[name]
		s.storeAgain(v)
		switch {
		case v.state == machine.Down:
			s.unlisten(v) // It may have been away when the service went down.
		case v.state == machine.Listening, v.state.Alive(), len(v.sockets) > 0:
			s.listen(v, true)
		}
	}
}

// socketFailure is the cause of a launch that failed for its sockets.
func socketFailure(failed spec.Failed) machine.Cause {
	return machine.Cause{
		Kind: machine.ByLaunch, Code: socketCode(failed.Detail), Text: fmt.Sprintf("its sockets could not be made: %s", failed.Detail),
	}
}
