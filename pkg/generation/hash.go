package generation

import (
	"encoding/json"
	"slices"
	"strings"

	"systemg.org/sysg/pkg/digest"
	"systemg.org/sysg/pkg/order"
	"systemg.org/sysg/pkg/spec"
)

// Seal sorts the services, and fills in the hash of each and of the whole.
// Equal content gives equal hashes wherever and whenever it is compiled: the
// number, the inherited environment, the settings, the sums of the files and the
// hashes themselves do not count.
func Seal(g *Generation) {
	order.By(g.Supervise.Services, func(a, b *Service) int { return strings.Compare(a.Name, b.Name) })
	order.By(g.Launch.Services, func(a, b *LaunchService) int { return strings.Compare(a.Name, b.Name) })
	for i := range g.Supervise.Services {
		g.Supervise.Services[i].Hash = serviceHash(g, i)
	}
	g.Supervise.Hash = g.contentHash()
}

// serviceHash covers both parts of service i.
func serviceHash(g *Generation, i int) string {
	service := g.Supervise.Services[i]
	service.Hash, service.Once = "", false
	launch, _ := g.Launch.Service(service.Name)
	return hashOf(struct {
		Service Service
		Launch  LaunchService
	}{service, launch})
}

func (g *Generation) contentHash() string {
	supervise, launch := g.Supervise, g.Launch
	supervise.Number, supervise.Hash, supervise.Settings, supervise.Sources = 0, "", Settings{}, nil
	launch.Inherited, launch.Variables = nil, nil
	return hashOf(Generation{supervise, launch})
}

// hashOf is the hash of v's JSON, which is canonical here: no maps, no floats.
func hashOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic("bug: a generation that does not marshal: " + err.Error())
	}
	return digest.Hex(text)
}

// Service finds a service by name.
func (s *Supervise) Service(name string) (Service, bool) {
	i, found := slices.BinarySearchFunc(s.Services, name, func(s Service, name string) int { return strings.Compare(s.Name, name) })
	if !found {
		return Service{}, false
	}
	return s.Services[i], true
}

// Service finds a service by name.
func (l *Launch) Service(name string) (LaunchService, bool) {
	i, found := slices.BinarySearchFunc(l.Services, name, func(s LaunchService, name string) int { return strings.Compare(s.Name, name) })
	if !found {
		return LaunchService{}, false
	}
	return l.Services[i], true
}

// Role finds the command of a role.
func (s *LaunchService) Role(role spec.Role) ([]string, bool) {
	for _, command := range s.Roles {
		if command.Role == role {
			return command.Argv, true
		}
	}
	return nil, false
}
