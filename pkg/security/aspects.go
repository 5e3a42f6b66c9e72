package security

import (
	"fmt"
	"slices"
	"strings"

	"systemg.org/sysg/pkg/caps"
)

// seen is what an aspect is like: share is from 0, closed, to 1, open.
type seen struct {
	share        float64
	is, evidence string
	// absent: this machine has no such thing, so that nobody is to blame.
	absent bool
}

func yes(is, evidence string) seen { return seen{0, is, evidence, false} }
func no(is, evidence string) seen  { return seen{1, is, evidence, false} }

// unseen is open: whoever asks for a limit must not pass by being blind.
func unseen(what string) seen { return no("cannot be seen", "no permission to read "+what) }

// aspects are all that is looked at, in the order of a launch. The weights add
// up to 11; what a user can do is worth most, then what the kernel offers him.
var aspects = [...]struct {
	key    string
	weight float64
	help   string
	look   func(s *Subject, p *Process) seen
}{
	{"user", 1.6, "user: NAME", user},
	{"supplementary_groups", 0.4, "group: NAME", groups},
	{"capabilities", 1.6, "capabilities: []", capabilities},
	{"capabilities (bounding)", 0.6, "isolation: {no_new_privileges: true}", bounding},
	{"isolation.no_new_privileges", 1.0, "isolation: {no_new_privileges: true}", noNewPrivs},
	{"isolation.seccomp", 1.3, "isolation: {seccomp: service}", seccomp},
	{"isolation.landlock", 0.5, "isolation: {landlock: {ro_paths: […], rw_paths: […]}}", landlock},
	{"isolation.apparmor_profile", 0.3, "isolation: {apparmor_profile: NAME}", label},
	{"isolation.protect_system", 0.8, "isolation: {protect_system: strict}", protectSystem},
	{"isolation.private_tmp", 0.4, "isolation: {private_tmp: true}", private("/tmp")},
	{"isolation.private_devices", 0.4, "isolation: {private_devices: true}", private("/dev")},
	{"isolation.network", 0.5, "isolation: {network: true}", namespace("net")},
	{"isolation.pid", 0.4, "isolation: {pid: true}", namespace("pid")},
	{"isolation.user", 0.3, "isolation: {user: true}", namespace("user")},
	{"isolation.ipc", 0.2, "isolation: {ipc: true}", namespace("ipc")},
	{"isolation.uts", 0.1, "isolation: {uts: true}", namespace("uts")},
	{"isolation.cgroup", 0.1, "isolation: {cgroup: true}", namespace("cgroup")},
	{"limits.cgroup.pids_max", 0.3, "limits: {cgroup: {pids_max: 100}}", limited("pids.max")},
	{"limits.cgroup.memory_max", 0.2, "limits: {cgroup: {memory_max: 1G}}", limited("memory.max")},
}

func (p *Process) says(file, format string, a ...any) string {
	return fmt.Sprintf("/proc/%d/%s: ", p.PID, file) + fmt.Sprintf(format, a...)
}

func user(_ *Subject, p *Process) seen {
	evidence := p.says("status", "Uid %s", plain(p.UIDs[:]))
	if slices.Contains(p.UIDs[:], 0) {
		return no("root", evidence)
	}
	return yes(fmt.Sprintf("user %d", p.UIDs[1]), evidence)
}

// groups: many files of root's are writable or readable by its group.
func groups(_ *Subject, p *Process) seen {
	evidence := p.says("status", "Gid %s, Groups %s", plain(p.GIDs[:]), plain(p.Groups))
	switch {
	case slices.Contains(p.GIDs[:], 0) || slices.Contains(p.Groups, 0):
		return no("root's group", evidence)
	case len(p.Groups) > 0:
		return yes("groups "+plain(p.Groups), evidence)
	}
	return yes(fmt.Sprintf("group %d alone", p.GIDs[1]), evidence)
}

func plain(list []uint32) string { return strings.Trim(fmt.Sprint(list), "[]") }

// mighty are the capabilities that lead to all the others, or to the kernel.
var mighty = [...]string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE", "CAP_NET_ADMIN", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE",
	"CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_TIME", "CAP_MKNOD", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN",
	"CAP_SYSLOG", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE", "CAP_KILL", "CAP_AUDIT_CONTROL",
}

func capabilities(_ *Subject, p *Process) seen {
	held := caps.Set(p.CapPermitted | p.CapEffective | p.CapInheritable | p.CapAmbient)
	evidence := p.says("status", "CapPrm %x, CapEff %x, CapInh %x, CapAmb %x", p.CapPermitted, p.CapEffective, p.CapInheritable, p.CapAmbient)
	if held == 0 {
		return yes("none", evidence)
	}
	for _, name := range mighty {
		if n, known := caps.Number(name); known && held.Has(n) {
			return no(short(held), evidence)
		}
	}
	return seen{0.3, short(held), evidence, false}
}

// short is a set in a few words.
func short(set caps.Set) string {
	text := set.String()
	if names := strings.Fields(text); len(names) > 4 {
		return fmt.Sprintf("%d of them, with %s", len(names), strings.Join(names[:3], " "))
	}
	return text
}

// bounding: what a program with capabilities in its file could give it.
func bounding(_ *Subject, p *Process) seen {
	beyond := p.CapBounding &^ p.CapPermitted
	evidence := p.says("status", "CapBnd %x, NoNewPrivs %t", p.CapBounding, p.NoNewPrivs)
	if beyond == 0 || p.NoNewPrivs {
		return yes("no more than it has", evidence)
	}
	return no("a program can give it more", evidence)
}

func noNewPrivs(_ *Subject, p *Process) seen {
	if p.NoNewPrivs {
		return yes("set", p.says("status", "NoNewPrivs 1"))
	}
	return no("not set: sudo and the like work", p.says("status", "NoNewPrivs 0"))
}

func seccomp(s *Subject, p *Process) seen {
	evidence := p.says("status", "Seccomp %d, Seccomp_filters %d", p.Seccomp, p.Filters)
	switch c := s.confinement(); {
	case p.Seccomp == 0:
		return no("every system call", evidence)
	case s.Machine.Seccomp != 0 && p.Filters <= s.Machine.Filters:
		return no("no filter but what all is under here", evidence)
	case c != nil && c.Seccomp != nil:
		return yes("profile "+c.Seccomp.Name, evidence)
	}
	return yes("a filter", evidence)
}
