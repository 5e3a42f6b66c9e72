package generation

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	// noID is what setresuid(2) and chown(2) take for "leave it as it is".
	noID = ^uint32(0)
	// maxGroups is NGROUPS_MAX (setgroups(2)), maxFilter BPF_MAXINSNS
	// (linux/bpf_common.h) of 8 bytes each.
	maxGroups = 65536
	maxFilter = 4096 * 8
	// knownCapabilities has a bit for each capability up to
	// CAP_CHECKPOINT_RESTORE (40, Linux 5.9), the last there is.
	knownCapabilities = 1<<41 - 1
	maxCgroupValue    = 4095
)

// Droppable are the keys of isolation that best_effort may name.
var Droppable = [...]string{
	"network", "mount", "pid", "user", "ipc", "uts", "cgroup", "private_tmp", "private_devices", "protect_system",
	"read_only_paths", "read_write_paths", "inaccessible_paths", "seccomp", "landlock", "apparmor_profile", "selinux_context",
}

// CgroupFiles are the files of cgroup2 that a limit may be written to. Others
// would let a generation move processes, or leave its own directory by "..".
var CgroupFiles = [...]string{
	"memory.max", "memory.high", "memory.min", "memory.swap.max", "cpu.max", "cpu.weight", "io.weight", "io.max", "pids.max", "cpuset.cpus",
}

// checkConfinement never quotes a path or a name of an account.
func (s *LaunchService) checkConfinement() error {
	if c := s.Confinement; c != nil {
		if err := c.structure(); err != nil {
			return err
		}
		// The kernel asks for it where the caller has no CAP_SYS_ADMIN, which
		// the service has not (seccomp(2), landlock_restrict_self(2)).
		if (c.Seccomp != nil || c.Landlock != nil) && !s.NoNewPrivs {
			return errors.New("seccomp and landlock need no_new_privileges")
		}
	}
	if s.Cgroup != nil {
		return s.Cgroup.structure()
	}
	return nil
}

func (c *Confinement) structure() error {
	if err := c.Identity.structure(); err != nil {
		return err
	}
	unknown := func(key string) bool { return !slices.Contains(Droppable[:], key) }
	return firstBroken([]rule{
		{c.Capabilities&^uint64(knownCapabilities) == 0, "a capability is unknown"},
		{c.PID || !c.Init, "init is without pid"},
		{c.ProtectSystem == "" || c.ProtectSystem == ProtectUsr || c.ProtectSystem == ProtectStrict, "protect_system is unknown"},
		{absolutes(c.ReadOnly) && absolutes(c.ReadWrite) && absolutes(c.Inaccessible), "a path of isolation is not absolute"},
		{c.Seccomp == nil || c.Seccomp.valid(), "the seccomp filter is malformed"},
		{c.Landlock == nil || absolutes(c.Landlock.ReadOnly) && absolutes(c.Landlock.ReadWrite), "a path of landlock is not absolute"},
		{c.AppArmor == "" || printable(c.AppArmor), "apparmor_profile is malformed"},
		{c.SELinux == "" || printable(c.SELinux), "selinux_context is malformed"},
		{!slices.ContainsFunc(c.BestEffort, unknown), "best_effort names an unknown key"},
	})
}

func (i *Identity) structure() error {
	increasing := slices.IsSorted(i.Groups) && len(slices.Compact(slices.Clone(i.Groups))) == len(i.Groups)
	return firstBroken([]rule{
		{i.UID != noID && i.GID != noID && !slices.Contains(i.Groups, noID), "a user or group has the number that means none"},
		{increasing && len(i.Groups) <= maxGroups, "the supplementary groups are not sorted, or too many"},
		{i.Name == "" || printable(i.Name) && !strings.ContainsAny(i.Name, ":= "), "the name of its user is malformed"},
		{i.Home == "" || absolute(i.Home), "the home of its user is not an absolute path"},
		{i.Shell == "" || absolute(i.Shell), "the shell of its user is not an absolute path"},
	})
}

func (s *Seccomp) valid() bool {
	return printable(s.Name) && len(s.Filter) > 0 && len(s.Filter)%8 == 0 && len(s.Filter) <= maxFilter
}

func (c *Cgroup) structure() error {
	if c.Root != "" && !absolute(c.Root) {
		return errors.New("the root of its cgroup is not an absolute path")
	}
	var seen []string
	for _, file := range c.Files {
		if !slices.Contains(CgroupFiles[:], file.Name) || slices.Contains(seen, file.Name) {
			return fmt.Errorf("cgroup file %.30q is unknown or stands twice", file.Name)
		}
		seen = append(seen, file.Name)
		if file.Value == "" || len(file.Value) > maxCgroupValue || strings.ContainsAny(file.Value, "\n\x00") || !plain(file.Value) {
			return fmt.Errorf("what is written to %s is malformed", file.Name)
		}
	}
	return nil
}

// valid holds for an owner of what has a path.
func (o *Owner) valid(kind SocketKind) bool {
	onPath := kind == SocketUnix || kind == SocketUnixPacket || kind == SocketFIFO
	return onPath && o.UID != noID && o.GID != noID
}

func absolutes(paths []string) bool {
	return !slices.ContainsFunc(paths, func(path string) bool { return !absolute(path) })
}
