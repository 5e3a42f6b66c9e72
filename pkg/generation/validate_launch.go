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
	return s.checkRlimits()
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
