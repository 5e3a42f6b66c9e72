package manifest

import (
	"fmt"

	"systemg.org/sysg/pkg/generation"
)

// broken is a rule about several keys of a service, and whether it is broken.
type broken struct {
	is         bool
	keys       []string // where to point: the innermost that is there
	kind       Kind
	message    string
	suggestion string
}

// checkLife checks keys of a service against each other. Only the first broken
// rule of each group is told: the others follow from it.
func (r *reader) checkLife(s *Service, entry value) {
	isolated := s.Confinement != nil && s.Confinement.Isolation.Network
	lazy, green := s.lazy(), s.Deployment.BlueGreen
	for _, b := range []broken{
		{s.Cron != nil && s.Watchdog > 0, []string{"watchdog"}, KindConfig, "a cron unit cannot have a watchdog", "its cron.timeout bounds a run"},
		{s.Cron != nil && s.Deployment.Strategy == "rolling", []string{"deployment", "strategy"}, KindConfig, "a cron unit cannot be replaced by rolling", "leave strategy out"},
		{s.Cron != nil && lazy, []string{"sockets"}, KindConfig, "a cron unit cannot start by a connection as well", "leave out cron, or activation: lazy"},
		{s.Cron != nil && s.Ready.By != generation.ByStable && s.Ready.By != generation.ByHealth, []string{"ready"}, KindConfig, "a cron unit does not become ready", "leave ready out"},
		{s.Ready.By == generation.ByLog && s.Logs.Sink == generation.SinkNone, []string{"ready"}, KindConfig, "ready waits for a line of a log that is not kept", "write logs: {sink: file} or another rule"},
		{s.Ready.By == generation.ByLog && s.Logs.Format == generation.FormatRaw, []string{"ready"}, KindConfig, "ready waits for a line, and a raw log has none", "write logs: {format: text} or another rule"},
		{s.Ready.By == generation.ByFD && s.Ready.FD < 3+len(s.Sockets), []string{"ready", "fd"}, KindConfig,
			fmt.Sprintf("descriptor %d is one of its sockets", s.Ready.FD), fmt.Sprintf("write %d or more", 3+len(s.Sockets))},
		{isolated && s.Deployment.Health.connects(), []string{"deployment", "health_check"}, KindHealthCheck, "a check from outside does not reach a network of its own", "use command, which runs inside"},
		{isolated && s.Liveness.connects(), []string{"liveness"}, KindHealthCheck, "a check from outside does not reach a network of its own", "use command, which runs inside"},
		{isolated && green != nil && green.Check.connects(), []string{"deployment", "blue_green", "candidate_health_check"}, KindHealthCheck, "a check from outside does not reach a network of its own", "use command, which runs inside"},
		{s.Confinement != nil && s.Confinement.Isolation.Init != nil && *s.Confinement.Isolation.Init && !s.Confinement.Isolation.PID, []string{"isolation", "init"}, KindConfig, "init is only of use with pid: true", "add pid: true"},
	} {
		if b.is {
			at := entry
			for _, k := range b.keys {
				at = at.at(k)
			}
			r.report(at, Problem{Kind: b.kind, Message: fmt.Sprintf("service %s: %s", quote(s.Name), b.message), Suggestion: b.suggestion})
		}
	}
	r.checkSockets(s)
	if policy := entry.at("restart_policy"); s.Cron != nil && policy.node != entry.node && s.Restart.Policy != generation.Never {
		r.report(policy, Problem{
			Kind: KindConfig, Warning: true, Message: "restart_policy is not used for a cron unit", Why: "a run that failed waits for the next time",
		})
	}
}

// connects says whether sysgd makes the check, over the network.
func (h *Health) connects() bool { return h != nil && (h.URL != "" || h.TCP != "") }

func (s *Service) lazy() bool {
	for i := range s.Sockets {
		if s.Sockets[i].Lazy {
			return true
		}
	}
	return false
}

// checkSockets wants the names of a service's sockets to differ.
func (r *reader) checkSockets(s *Service) {
	seen := map[string]bool{}
	for i := range s.Sockets {
		if socket := &s.Sockets[i]; seen[socket.Name] {
			r.bad(socket.at, fmt.Sprintf("socket %s is there twice", quote(socket.Name)), "give each its own name")
		} else {
			seen[socket.Name] = true
		}
	}
}

// checkAddresses wants each address to be one service's, and a socket's own.
func (r *reader) checkAddresses(p *Project) {
	type address struct {
		kind generation.SocketKind
		text string
	}
	owners := map[address]string{}
	for i := range p.Services {
		s := &p.Services[i]
		for j := range s.Sockets {
			socket := &s.Sockets[j]
			at := address{socket.Kind, socket.Address}
			if at.text[0] == '/' {
				at.kind = "" // A path is one thing at a time.
			}
			if owner, taken := owners[at]; taken {
				r.bad(socket.at, fmt.Sprintf("address %s is listened on by service %s already", quote(at.text), quote(owner)), "")
				continue
			}
			owners[at] = s.Name
		}
	}
}
