package generation

import (
	"slices"
	"time"

	"systemg.org/sysg/pkg/spec"
)

// The rules for the parts of a service that not every one has.

var hookRoles = []spec.Role{spec.RoleOnStart, spec.RoleOnErr, spec.RoleOnStop, spec.RoleOnExit}

func validHooks(hooks []Hook) bool {
	var seen []spec.Role
	for _, hook := range hooks {
		if !slices.Contains(hookRoles, hook.Role) || slices.Contains(seen, hook.Role) || hook.Timeout <= 0 {
			return false
		}
		seen = append(seen, hook.Role)
	}
	return true
}

func (c *Cron) valid() bool {
	known := c.Overlap == OverlapSkip || c.Overlap == OverlapQueue || c.Overlap == OverlapKill
	return known && c.Expression != "" && c.Timezone != "" && c.Timeout > 0 && c.Jitter >= 0 && c.History >= 1
}

func (r *Rolling) valid() bool {
	if r.Grace < 0 || r.BlueGreen == nil {
		return r.Grace >= 0
	}
	green := r.BlueGreen
	return green.Slots[0] != "" && green.Slots[1] != "" && green.Slots[0] != green.Slots[1] &&
		green.Timeout > 0 && (green.StatePath == "" || absolute(green.StatePath)) && (green.Check == nil || green.Check.valid())
}

func validSockets(sockets []Socket) bool {
	var seen []string
	for _, socket := range sockets {
		if !spec.ValidName(socket.Name) || slices.Contains(seen, socket.Name) || socket.Mode > 0o777 || !socket.addressed() {
			return false
		}
		if socket.Owner != nil && !socket.Owner.valid(socket.Kind) {
			return false
		}
		seen = append(seen, socket.Name)
	}
	return len(sockets) <= MaxSockets
}

// MaxSockets is how many sockets a service may have.
const MaxSockets = 64

// sameSocket compares what pointers point to, since both parts are read apart.
func sameSocket(a, b Socket) bool {
	sameOwner := a.Owner == b.Owner || a.Owner != nil && b.Owner != nil && *a.Owner == *b.Owner
	a.Owner, b.Owner = nil, nil
	return a == b && sameOwner
}

// addressed holds for an address that fits its kind.
func (s *Socket) addressed() bool {
	switch s.Kind {
	case SocketTCP, SocketUDP, SocketInherit:
		return s.Address != "" && plain(s.Address) && len(s.Address) <= maxName
	case SocketUnix, SocketUnixPacket:
		return absolute(s.Address) && len(s.Address) <= maxUnix
	case SocketFIFO:
		return absolute(s.Address)
	}
	return false
}

// maxUnix is the longest path of a socket (sun_path in unix(7), less its NUL).
const maxUnix = 107

func (s *Spawn) valid() bool {
	known := s.Termination == TerminateCascade || s.Termination == TerminateOrphan || s.Termination == TerminateReparent
	return known && s.Children >= 0 && s.Depth >= 0 && s.Descendants >= 0
}

func (m *Metrics) valid() bool {
	return m.Interval >= time.Second && m.Retention > 0 && (m.SpilloverDir == "" || absolute(m.SpilloverDir))
}

func validSources(sources []Source) bool {
	return !slices.ContainsFunc(sources, func(s Source) bool { return !absolute(s.Path) || s.Sum != "" && !spec.ValidHash(s.Sum) })
}
