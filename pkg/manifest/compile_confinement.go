package manifest

import (
	"slices"
	"strconv"

	"systemg.org/sysg/pkg/generation"
)

// launchConfinement fills in as whom a service of the system's instance runs,
// and what it is kept from.
func (m *Manifest) launchConfinement(s *Service, to *generation.LaunchService) {
	c := s.Confinement
	if !m.opts.System {
		if c != nil && c.Isolation.NoNewPrivileges != nil {
			to.NoNewPrivs = *c.Isolation.NoNewPrivileges
		}
		return
	}
	i := &c.Isolation
	to.NoNewPrivs = i.NoNewPrivileges == nil || *i.NoNewPrivileges
	to.Confinement = &generation.Confinement{
		Identity: *s.identity, Capabilities: capabilityMask(c.Capabilities),
		Network: i.Network, Mount: i.Mount, PID: i.PID, User: i.User, IPC: i.IPC, UTS: i.UTS, Cgroup: i.Cgroup,
		Init:       i.PID && (i.Init == nil || *i.Init),
		PrivateTmp: i.PrivateTmp, PrivateDevices: i.PrivateDevices, ProtectSystem: generation.Protect(i.ProtectSystem),
		ReadOnly: i.ReadOnly, ReadWrite: i.ReadWrite, Inaccessible: i.Inaccessible,
		Seccomp: s.seccomp, AppArmor: i.AppArmor, SELinux: i.SELinux, BestEffort: m.bestEffort(i),
	}
	if l := i.Landlock; l != nil {
		to.Confinement.Landlock = &generation.Landlock{ReadOnly: l.ReadOnly, ReadWrite: l.ReadWrite, Bind: l.Bind, Connect: l.Connect}
	}
	if limits := &s.Limits.Cgroup; limits.Root != "" || len(limits.Files) > 0 {
		to.Cgroup = &generation.Cgroup{Root: limits.Root}
		for _, file := range limits.Files {
			to.Cgroup.Files = append(to.Cgroup.Files, generation.CgroupFile(file))
		}
	}
}

// bestEffort are the keys that this kernel may lack: those that the manifest
// names, and in versions 1 and 2 the four that systemg 0.66 went on without.
func (m *Manifest) bestEffort(i *Isolation) []string {
	names := slices.Clone(i.BestEffort)
	if m.Version < 3 {
		for _, toggle := range []struct {
			name string
			on   bool
		}{{"network", i.Network}, {"mount", i.Mount}, {"pid", i.PID}, {"user", i.User}} {
			if toggle.on {
				names = append(names, toggle.name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// capabilityMask has bit n for capability n: capabilityNames are in the order
// of their numbers.
func capabilityMask(names []string) uint64 {
	var mask uint64
	for _, name := range names {
		mask |= 1 << slices.Index(capabilityNames, name[len("CAP_"):])
	}
	return mask
}

// runsAs is what people are shown, for sysgd, which does not see the launch part.
func (s *Service) runsAs(to *generation.Service) {
	if s.identity == nil {
		return
	}
	to.Dropped = s.identity.Dropped
	if to.User = s.identity.Name; to.User == "" {
		to.User = strconv.FormatUint(uint64(s.identity.UID), 10)
	}
}
