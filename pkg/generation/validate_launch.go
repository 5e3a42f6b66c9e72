package generation

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"systemg.org/sysg/pkg/spec"
)

// maxArg is the longest argument or environment entry that the kernel takes,
// without its NUL (MAX_ARG_STRLEN, execve(2)).
const maxArg = 128<<10 - 1

// RlimitNames are the limits there are, by their manifest keys.
var RlimitNames = [...]string{
	"as", "core", "cpu", "data", "fsize", "memlock", "msgqueue",
	"nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack",
}

func (l *Launch) structure() error {
	if err := firstBroken([]rule{
		{l.Format == Format, fmt.Sprintf("format of the launch part is %d, this build knows %d", l.Format, Format)},
		{spec.ValidName(l.Project), fmt.Sprintf("%.100q is no name for a project", l.Project)},
		{validEnv(l.Inherited), "an inherited variable is malformed"},
		{validRecorded(l.Variables), "a recorded variable is malformed"},
	}); err != nil {
		return err
	}
	if err := sorted(len(l.Services), func(i int) string { return l.Services[i].Name }); err != nil {
		return err
	}
	for i := range l.Services {
		if err := inService(l.Services[i].Name, l.Services[i].structure()); err != nil {
			return err
		}
	}
	return nil
}

// structure never quotes a value: errors reach people who may not see the
// environment.
func (s *LaunchService) structure() error {
	if err := firstBroken([]rule{
		{absolute(s.Dir), "its directory is not an absolute path"},
		{s.Umask <= 0o777, "its umask is out of range"},
		{s.Nice == nil || *s.Nice >= -20 && *s.Nice <= 19, "nice is out of range"},
		{s.OOMScore == nil || *s.OOMScore >= -1000 && *s.OOMScore <= 1000, "oom_score_adj is out of range"},
		{!slices.ContainsFunc(s.Strip, func(name string) bool { return name == "" || strings.ContainsAny(name, "=\x00") }), "strip has a malformed name"},
		{s.Affinity == nil || validAffinity(s.Affinity), "cpu_affinity names no CPU, or too many"},
		{validIOPriority(s.IOPriority), "ionice is out of range"},
		{s.Watchdog >= 0, "watchdog is out of range"},
		{s.ReadyFD == 0 || s.ReadyFD >= 3+len(s.Sockets) && s.ReadyFD < MaxFD, "the descriptor of ready is out of range, or one of a socket's"},
		{s.validSlots(), "a slot is malformed, or has no variable"},
	}); err != nil {
		return err
	}
	if err := s.checkRoles(); err != nil {
		return err
	}
	for _, layer := range s.Layers {
		if err := layer.structure(); err != nil {
			return err
		}
	}
	if err := s.checkRlimits(); err != nil {
		return err
	}
	return s.checkConfinement()
}

func (s *LaunchService) checkRoles() error {
	var seen []spec.Role
	for _, command := range s.Roles {
		if !slices.Contains(spec.Roles[:], command.Role) || slices.Contains(seen, command.Role) {
			return fmt.Errorf("role %.20q is unknown or stands twice", command.Role)
		}
		seen = append(seen, command.Role)
		if !validArgv(command.Argv) {
			return fmt.Errorf("role %s: argv is empty, too long or has a NUL or no UTF-8", command.Role)
		}
	}
	if !slices.Contains(seen, spec.RoleMain) {
		return errors.New("it has no command")
	}
	return nil
}

func validArgv(argv []string) bool {
	if len(argv) == 0 || argv[0] == "" {
		return false
	}
	return !slices.ContainsFunc(argv, func(arg string) bool { return len(arg) > maxArg || !plain(arg) })
}

func (l *Layer) structure() error {
	return firstBroken([]rule{
		{(l.File == "") != (len(l.Vars) == 0), "an environment layer is neither a file nor variables, or both"},
		{l.File == "" || absolute(l.File), "an env file's path is not absolute"},
		{l.File != "" || !l.Optional, "variables cannot be optional"},
		{l.Sum == "" || l.File != "" && spec.ValidHash(l.Sum), "the sum of an env file is malformed"},
		{validEnv(l.Vars), "a variable is malformed"},
	})
}

// Inheritable are the entries of a process's environment that a generation can
// carry. The rest is what execve(2) takes and hardly anybody sets: entries
// without a name or "=", and bytes that are not UTF-8.
func Inheritable(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(entry string) bool { return !validVar(entry) })
}

func validEnv(env []string) bool {
	return !slices.ContainsFunc(env, func(entry string) bool { return !validVar(entry) })
}

// validVar asks for KEY=value. The key is not held to the grammar of a shell's
// names, since what is inherited need not be (BASH_FUNC_x%%).
func validVar(entry string) bool {
	return strings.IndexByte(entry, '=') > 0 && len(entry) <= maxArg && plain(entry)
}

// validRecorded asks for KEY=value, or for KEY.
func validRecorded(variables []string) bool {
	return !slices.ContainsFunc(variables, func(entry string) bool {
		return strings.IndexByte(entry, '=') == 0 || entry == "" || len(entry) > maxArg || !plain(entry)
	})
}

// maxCPUs is what the largest kernels are built for (CONFIG_NR_CPUS).
const maxCPUs = 8192

func validAffinity(mask []uint64) bool {
	return len(mask) <= maxCPUs/64 && slices.ContainsFunc(mask, func(word uint64) bool { return word != 0 })
}

// validIOPriority holds for what ioprio_set(2) takes: a class from 1 to 3 above
// bit 13, and a level from 0 to 7.
func validIOPriority(priority int) bool {
	class, level := priority>>13, priority&(1<<13-1)
	return priority == 0 || class >= 1 && class <= 3 && level <= 7
}

func (s *LaunchService) validSlots() bool {
	if s.SlotVar == "" {
		return s.Slots == [2]string{}
	}
	return validVar(s.SlotVar+"="+s.Slots[0]) && validVar(s.SlotVar+"="+s.Slots[1]) && !strings.Contains(s.SlotVar, "=")
}

func (s *LaunchService) checkRlimits() error {
	var seen []string
	for _, limit := range s.Rlimits {
		if !slices.Contains(RlimitNames[:], limit.Name) || slices.Contains(seen, limit.Name) {
			return fmt.Errorf("limit %.20q is unknown or stands twice", limit.Name)
		}
		seen = append(seen, limit.Name)
		if limit.Soft > limit.Hard {
			return fmt.Errorf("limit %s: the soft limit is above the hard one", limit.Name)
		}
	}
	return nil
}
