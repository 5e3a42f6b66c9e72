package manifest

import (
	"strings"
	"time"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// superviseLife fills in what is not told of every service.
func (m *Manifest) superviseLife(s *Service, to *generation.Service) {
	to.Stop.Command = s.StopCommand != ""
	to.Liveness = s.Liveness.probe()
	to.Watchdog, to.Notify = s.Watchdog, s.notifies()
	to.Cron, to.Spawn, to.Metrics = s.Cron, s.Spawn, m.Metrics
	switch {
	case s.Skip.Always:
		to.Skip = generation.SkipAlways
	case s.Skip.Command != "":
		to.Skip, to.SkipTimeout = generation.SkipByCommand, m.budget()
	}
	for _, hook := range s.Hooks {
		to.Hooks = append(to.Hooks, generation.Hook{Role: hook.Role, Timeout: hook.Timeout})
	}
	if s.Deployment.Strategy == "rolling" {
		to.Rolling = &generation.Rolling{Grace: s.Deployment.Grace, BlueGreen: m.blueGreen(s)}
	}
	to.Sockets, to.Lazy = s.sockets(), s.lazy()
}

// budget is the time for a command that runs beside the service's own.
func (m *Manifest) budget() time.Duration { return m.opts.budget(budget) }

// notifies says whether a service gets a socket for sd_notify.
func (s *Service) notifies() bool { return s.Ready.By == generation.ByNotify || s.Watchdog > 0 }

func (m *Manifest) blueGreen(s *Service) *generation.BlueGreen {
	b := s.Deployment.BlueGreen
	if b == nil {
		return nil
	}
	check := b.Check.probe()
	if check != nil {
		check.URL, check.TCP, check.Unix = s.named(check.URL), s.named(check.TCP), s.named(check.Unix)
	}
	return &generation.BlueGreen{Slots: b.Slots, Check: check, Verify: b.Verify != "", Timeout: m.budget(), StatePath: b.StatePath}
}

// named fills in the name of the service. The slots are only known when the
// command runs, so that {slot} and the like stay.
func (s *Service) named(text string) string {
	return strings.ReplaceAll(text, "{service_name}", s.Name)
}

func (s *Service) sockets() []generation.Socket {
	var result []generation.Socket
	for i := range s.Sockets {
		result = append(result, s.Sockets[i].Socket)
	}
	return result
}

// launchLife fills in what is not told of every service.
func launchLife(s *Service, to *generation.LaunchService) {
	to.Affinity, to.IOPriority = s.Limits.Affinity, s.Limits.IOPriority
	to.Notify, to.Watchdog, to.Spawn = s.notifies(), s.Watchdog, s.Spawn
	to.ReadyFD, to.Sockets = s.Ready.FD, s.sockets()
	if b := s.Deployment.BlueGreen; b != nil {
		to.SlotVar, to.Slots = b.Var, b.Slots
	}
}

// roles are the commands of a service, in the order of its life.
func roles(s *Service) []generation.Command {
	var commands []generation.Command
	shell := func(role spec.Role, command string) {
		if command != "" {
			commands = append(commands, generation.Command{Role: role, Argv: shellArgv(command)})
		}
	}
	check := func(role spec.Role, h *Health, fill func(string) string) {
		if h == nil || h.Command == "" && h.Exec == nil {
			return
		}
		argv := commandArgv(fill(h.Command), h.Exec)
		for i := range argv {
			argv[i] = fill(argv[i])
		}
		commands = append(commands, generation.Command{Role: role, Argv: argv})
	}
	as := func(text string) string { return text }
	shell(spec.RoleSkip, s.Skip.Command)
	shell(spec.RolePreStart, s.Deployment.PreStart)
	commands = append(commands, generation.Command{Role: spec.RoleMain, Argv: commandArgv(s.Command, s.Exec)})
	check(spec.RoleHealth, s.Deployment.Health, as)
	check(spec.RoleLiveness, s.Liveness, as)
	if b := s.Deployment.BlueGreen; b != nil {
		check(spec.RoleCandidate, b.Check, s.named)
		shell(spec.RoleSwitch, s.named(b.Switch))
		shell(spec.RoleVerify, s.named(b.Verify))
	}
	for _, hook := range s.Hooks {
		shell(hook.Role, hook.Command)
	}
	shell(spec.RoleStop, s.StopCommand)
	return commands
}
