package manifest

import (
	"slices"
	"strings"

	"systemg.org/sysg/pkg/generation"
)

// sessionVars belong to the login session of whoever starts a service, which
// may end long before the service does. All of SSH_* is among them; those that
// exist are spelt out, so that what is stripped does not depend on who starts.
var sessionVars = []string{
	"DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY",
	"SSH_AGENT_PID", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "SSH_AUTH_SOCK", "SSH_CLIENT", "SSH_CONNECTION",
	"SSH_ORIGINAL_COMMAND", "SSH_SK_PROVIDER", "SSH_TTY", "SSH_TUNNEL", "SSH_USER_AUTH",
}

// callerVars speak of the process that has them. Handed on to a service they
// would make it answer to somebody else's supervisor.
var callerVars = []string{
	"INVOCATION_ID", "JOURNAL_STREAM", "LISTEN_FDNAMES", "LISTEN_FDS", "LISTEN_PID", "LISTEN_PIDFDID", "MAINPID", "MANAGERPID",
	"NOTIFY_SOCKET", "OLDPWD", "PWD", "SHLVL", "SYSG_ACTIVE_SLOT", "SYSG_ATTEMPT", "SYSG_CANDIDATE_SLOT", "SYSG_EVENT",
	"SYSG_EXIT_CODE", "SYSG_INVOCATION_ID", "SYSG_PID", "SYSG_PROJECT", "SYSG_SERVICE", "SYSG_SERVICE_NAME", "SYSG_SIGNAL",
	"SYSTEMD_EXEC_PID", "WATCHDOG_PID", "WATCHDOG_USEC", "_",
}

// shellVars are set by the shell itself.
var shellVars = []string{"IFS", "LINENO", "OLDPWD", "OPTARG", "OPTIND", "PPID", "PWD", "SHLVL", "_"}

// userVars speak of whoever has them: root's would be wrong for a service that
// runs as somebody else, who has them anyway.
var userVars = []string{"HOME", "LOGNAME", "MAIL", "PATH", "SHELL", "SUDO_COMMAND", "SUDO_GID", "SUDO_UID", "SUDO_USER", "USER"}

// cleanPath is PATH where nothing is inherited.
const cleanPath = "/usr/local/bin:/usr/bin:/bin"

// environment fills in how the environment of a service is made.
func (m *Manifest) environment(p *Project, s *Service, to *generation.LaunchService) {
	clearSession := true
	for _, e := range []*Env{&m.Env, &p.Env, &s.Env} {
		if e.Inherit != nil {
			to.NoInherit = !*e.Inherit
		}
		if e.ClearSession != nil {
			clearSession = *e.ClearSession
		}
		to.Strip = append(to.Strip, e.Strip...)
	}
	if clearSession {
		to.Strip = append(to.Strip, sessionVars...)
	}
	slices.Sort(to.Strip)
	to.Strip = slices.Compact(to.Strip)
	strip := to.Strip

	if m.opts.System {
		// Nothing is inherited, and what a program may expect is made of its
		// identity, at each launch.
		to.NoInherit, to.Strip = true, nil
	} else if to.NoInherit {
		to.Layers = append(to.Layers, generation.Layer{Vars: m.cleanVars()})
	}
	if vars := m.exported(s, strip); vars != nil {
		to.Layers = append(to.Layers, generation.Layer{Vars: vars})
	}
	for _, e := range []*Env{&m.Env, &p.Env, &s.Env} {
		to.Layers = append(to.Layers, m.layers(e)...)
	}
}

// cleanVars is what a program may expect even where nothing is inherited.
func (m *Manifest) cleanVars() []string {
	vars := []string{"PATH=" + cleanPath}
	for _, v := range []struct{ name, value string }{
		{"HOME", m.opts.Home}, {"USER", m.opts.User}, {"LOGNAME", m.opts.User}, {"SHELL", m.opts.Shell},
	} {
		if v.value != "" {
			vars = append(vars, v.name+"="+v.value)
		}
	}
	return vars
}

// exported are the variables of the command's environment that the shell
// strings of a service refer to. They are a part of what is installed, and so
// of its hash: another value makes another service.
func (m *Manifest) exported(s *Service, strip []string) []string {
	var vars []string
	for _, name := range references(s.shellStrings()) {
		if slices.Contains(shellVars, name) || slices.Contains(callerVars, name) || slices.Contains(strip, name) || m.opts.System && slices.Contains(userVars, name) {
			continue
		}
		if value, found := m.files.lookupEnv(m.opts.LookupEnv, name); found {
			vars = append(vars, name+"="+value)
		}
	}
	slices.Sort(vars)
	return vars
}

// shellStrings are all texts of a service that a shell reads.
func (s *Service) shellStrings() string {
	texts := []string{s.Command, s.StopCommand, s.Skip.Command, s.Deployment.PreStart}
	checks := []*Health{s.Deployment.Health, s.Liveness}
	if b := s.Deployment.BlueGreen; b != nil {
		texts, checks = append(texts, b.Switch, b.Verify), append(checks, b.Check)
	}
	for _, check := range checks {
		if check != nil {
			texts = append(texts, check.Command)
		}
	}
	for _, hook := range s.Hooks {
		texts = append(texts, hook.Command)
	}
	return strings.Join(texts, "\n")
}

// layers are the files of an env object, and then its variables.
func (m *Manifest) layers(e *Env) []generation.Layer {
	var result []generation.Layer
	for _, file := range e.Files {
		result = append(result, generation.Layer{File: file.Path, Optional: file.Optional, Sum: m.files.sums[file.Path]})
	}
	if len(e.Vars) == 0 {
		return result
	}
	vars := make([]string, len(e.Vars))
	for i, v := range e.Vars {
		vars[i] = v.Name + "=" + v.Text.Value
	}
	slices.Sort(vars)
	return append(result, generation.Layer{Vars: vars})
}

// inherited is the environment that services start from, without what none of
// them may have: it is stored, and what is not stored cannot leak.
func inherited(environ []string, services []generation.LaunchService) []string {
	stripped := map[string]int{}
	inheriting := 0
	// Where any service is cut off from the session, SSH_ variables that the
	// list does not have are kept from all.
	clearing := false
	for i := range services {
		s := &services[i]
		if s.NoInherit {
			continue
		}
		inheriting++
		for _, name := range s.Strip {
			stripped[name]++
		}
		clearing = clearing || slices.Contains(s.Strip, sessionVars[0])
	}
	var result []string
	for _, entry := range environ {
		name, _, found := strings.Cut(entry, "=")
		unknownSSH := clearing && strings.HasPrefix(name, "SSH_") && !slices.Contains(sessionVars, name)
		if found && name != "" && stripped[name] < inheriting && !unknownSSH && !slices.Contains(callerVars, name) {
			result = append(result, entry)
		}
	}
	return result
}
