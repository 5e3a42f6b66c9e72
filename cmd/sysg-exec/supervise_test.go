package main

import (
	"time"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// superviseOf is the supervise part that fits a launch part.
func superviseOf(s generation.LaunchService) generation.Service {
	probe := &generation.Probe{AttemptTimeout: time.Second, Retries: 1}
	out := generation.Service{
		Name: s.Name, Restart: generation.Restart{Policy: generation.Never},
		Stop: generation.Stop{Signal: 15}, Ready: generation.Ready{By: generation.ByStable},
		Logs:   generation.Logs{Sink: generation.SinkNone},
		Notify: s.Notify, Watchdog: s.Watchdog, Sockets: s.Sockets, Spawn: s.Spawn,
	}
	if s.ReadyFD != 0 {
		out.Ready = generation.Ready{By: generation.ByFD, FD: s.ReadyFD}
	}
	if s.Slots[0] != "" {
		out.Rolling = &generation.Rolling{BlueGreen: &generation.BlueGreen{Slots: s.Slots, Timeout: time.Second}}
	}
	for _, command := range s.Roles {
		switch command.Role {
		case spec.RoleSkip:
			out.Skip, out.SkipTimeout = generation.SkipByCommand, time.Second
		case spec.RolePreStart:
			out.PreStart = &generation.PreStart{Timeout: time.Second}
		case spec.RoleHealth:
			out.Health = probe
		case spec.RoleLiveness:
			out.Liveness = probe
		case spec.RoleCandidate:
			out.Rolling.BlueGreen.Check = probe
		case spec.RoleVerify:
			out.Rolling.BlueGreen.Verify = true
		case spec.RoleStop:
			out.Stop.Command = true
		case spec.RoleOnStart, spec.RoleOnErr, spec.RoleOnStop, spec.RoleOnExit:
			out.Hooks = append(out.Hooks, generation.Hook{Role: command.Role, Timeout: time.Second})
		}
	}
	return out
}
