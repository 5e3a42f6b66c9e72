package generation

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"systemg.org/sysg/pkg/spec"
)

const (
	// MaxServices is how many services a project may have.
	MaxServices = 10_000

	maxName = 256
	maxPath = 4095 // PATH_MAX without its NUL
)

// Validate checks everything that the daemons rely on, the hashes included. A
// generation comes from another process; that sysg compiled it from a manifest
// without errors is not known to the one who gets it.
func (g *Generation) Validate() error {
	if err := g.check(); err != nil {
		return fmt.Errorf("cannot accept generation: %w", err)
	}
	return nil
}

func (g *Generation) check() error {
	if err := g.structure(); err != nil {
		return err
	}
	for i := range g.Supervise.Services {
		if service := &g.Supervise.Services[i]; service.Hash != serviceHash(g, i) {
			return fmt.Errorf("service %q: hash does not match its content", service.Name)
		}
	}
	if g.Supervise.Hash != g.contentHash() {
		return errors.New("hash does not match the content")
	}
	return nil
}

// structure checks all but the hashes. Those hold for as long as the types
// here do not change, so what is stored already, maybe by an older build, is
// not held to them.
func (g *Generation) structure() error {
	if err := g.Supervise.structure(); err != nil {
		return err
	}
	if err := g.Launch.structure(); err != nil {
		return err
	}
	if g.Launch.Project != g.Supervise.Project {
		return fmt.Errorf("its parts are of the projects %q and %q", g.Supervise.Project, g.Launch.Project)
	}
	if len(g.Supervise.Services) != len(g.Launch.Services) {
		return fmt.Errorf("its parts have %d and %d services", len(g.Supervise.Services), len(g.Launch.Services))
	}
	for i := range g.Supervise.Services {
		if err := fit(&g.Supervise.Services[i], &g.Launch.Services[i]); err != nil {
			return err
		}
	}
	return nil
}

// fit checks that both parts speak of the same service and the same commands.
func fit(s *Service, l *LaunchService) error {
	if s.Name != l.Name {
		return fmt.Errorf("its parts have the services %q and %q in the same place", s.Name, l.Name)
	}
	for role, needed := range s.commands() {
		if _, has := l.Role(role); has != needed {
			return inService(s.Name, fmt.Errorf("has the role %s without its command, or the reverse", role))
		}
	}
	if s.Notify != l.Notify || s.Watchdog != l.Watchdog || (s.Ready.By == ByFD) != (l.ReadyFD != 0) ||
		(s.Spawn != nil) != (l.Spawn != nil) || !slices.EqualFunc(s.Sockets, l.Sockets, sameSocket) ||
		s.Dropped != (l.Confinement != nil && l.Confinement.Identity.Dropped) {
		return inService(s.Name, errors.New("its parts do not agree"))
	}
	return nil
}

// commands are the roles beside the main one, and whether s needs a command
// for each.
func (s *Service) commands() map[spec.Role]bool {
	green := s.Rolling != nil && s.Rolling.BlueGreen != nil
	needs := map[spec.Role]bool{
		spec.RoleHealth: s.Health.byCommand(), spec.RoleLiveness: s.Liveness.byCommand(),
		spec.RolePreStart: s.PreStart != nil, spec.RoleSkip: s.Skip == SkipByCommand, spec.RoleStop: s.Stop.Command,
		spec.RoleCandidate: green && s.Rolling.BlueGreen.Check.byCommand(),
		spec.RoleSwitch:    green, spec.RoleVerify: green && s.Rolling.BlueGreen.Verify,
		spec.RoleOnStart: false, spec.RoleOnErr: false, spec.RoleOnStop: false, spec.RoleOnExit: false,
		spec.RoleChild: false,
	}
	for _, hook := range s.Hooks {
		needs[hook.Role] = true
	}
	return needs
}

// byCommand reports whether the probe is a command, not a connection of ours.
func (p *Probe) byCommand() bool { return p != nil && p.URL == "" && p.TCP == "" && p.Unix == "" }

// rule is one thing that must hold, with what to say if it does not.
type rule struct {
	holds  bool
	broken string
}

func firstBroken(rules []rule) error {
	for _, rule := range rules {
		if !rule.holds {
			return errors.New(rule.broken)
		}
	}
	return nil
}

func inService(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("service %.100q: %w", name, err)
}

// sorted checks the names of services, which binary search relies on.
func sorted(count int, name func(int) string) error {
	if count > MaxServices {
		return fmt.Errorf("%d services, limit %d", count, MaxServices)
	}
	for i := range count {
		if !spec.ValidName(name(i)) {
			return fmt.Errorf("%.100q is no name for a service", name(i))
		}
		if i > 0 && name(i-1) >= name(i) {
			return fmt.Errorf("services %q and %q are not in order", name(i-1), name(i))
		}
	}
	return nil
}

func (s *Supervise) structure() error {
	if err := firstBroken([]rule{
		{s.Format == Format, fmt.Sprintf("format is %d, this build knows %d", s.Format, Format)},
		{spec.ValidName(s.Project), fmt.Sprintf("%.100q is no name for a project", s.Project)},
		{printable(s.Name), "the project's display name is empty, too long or not printable"},
		{absolute(s.Manifest), "the manifest's path is not absolute"},
		{s.Number >= 0, "its number is negative"},
		{spec.ValidHash(s.Hash), "its hash is malformed"},
		{s.Settings.MaxConcurrent >= 0, "max_concurrent is negative"},
		{validSources(s.Sources), "a source has no absolute path, or a malformed sum"},
	}); err != nil {
		return err
	}
	if err := sorted(len(s.Services), func(i int) string { return s.Services[i].Name }); err != nil {
		return err
	}
	for i := range s.Services {
		if err := inService(s.Services[i].Name, s.Services[i].structure()); err != nil {
			return err
		}
	}
	return s.graph()
}

func (s *Service) structure() error {
	if err := firstBroken([]rule{
		{spec.ValidHash(s.Hash), "its hash is malformed"},
		{len(s.Command) <= maxArg && plain(s.Command), "its command is too long or has a NUL or no UTF-8"},
		{s.Restart.valid(), "restart is out of range"},
		{validExits(s.Success) && validExits(s.NoRestart), "an exit code or signal is out of range"},
		{s.Stop.Signal >= 1 && s.Stop.Signal <= spec.MaxSignal && s.Stop.Timeout >= 0, "stop is out of range"},
		{s.Ready.valid(s), "ready is unknown, or by something that it lacks"},
		{notNegative(s.Ready.StableFor, s.Ready.Timeout), "ready is out of range"},
		{s.Health == nil || s.Health.valid(), "health is out of range"},
		{s.PreStart == nil || s.PreStart.Timeout > 0, "pre_start is out of range"},
		{s.Logs.Sink == SinkFile || s.Logs.Sink == SinkNone || s.Logs.Sink == SinkJournal, "sink is unknown"},
		{s.Logs.Format == "" || s.Logs.Format == FormatText || s.Logs.Format == FormatRaw, "log format is unknown"},
		{s.Logs.MaxFiles >= 0, "max_files is negative"},
		{s.Skip == "" || s.Skip == SkipAlways || s.Skip == SkipByCommand, "skip is unknown"},
		{s.SkipTimeout >= 0, "the time for skip is negative"},
		{s.Liveness == nil || s.Liveness.valid(), "liveness is out of range"},
		{s.Watchdog >= 0 && (s.Watchdog == 0 || s.Notify), "watchdog is out of range, or without a notify socket"},
		{validHooks(s.Hooks), "a hook is unknown, stands twice or has no time"},
		{s.Cron == nil || s.Cron.valid(), "cron is out of range"},
		{s.Rolling == nil || s.Rolling.valid(), "rolling is out of range"},
		{validSockets(s.Sockets) && (!s.Lazy || len(s.Sockets) > 0), "a socket is malformed, or it is lazy without any"},
		{s.Spawn == nil || s.Spawn.valid(), "spawn is out of range"},
		{s.Metrics == nil || s.Metrics.valid(), "metrics is out of range"},
	}); err != nil {
		return err
	}
	seen := make(map[string]bool, len(s.DependsOn))
	for _, d := range s.DependsOn {
		if seen[d.Service] {
			return fmt.Errorf("depends on %q twice", d.Service)
		}
		seen[d.Service] = true
		if d.Condition != Started && d.Condition != Healthy && d.Condition != Completed {
			return fmt.Errorf("depends on %q under the unknown condition %q", d.Service, d.Condition)
		}
	}
	return nil
}

func (r *Restart) valid() bool {
	known := r.Policy == Always || r.Policy == OnFailure || r.Policy == Never
	return known && r.MaxRestarts >= 0 && notNegative(r.Backoff, r.MaxBackoff, r.RetryAfter, r.StableAfter)
}

// valid holds for a rule of readiness that s has what it needs for.
func (r *Ready) valid(s *Service) bool {
	switch r.By {
	case ByStable:
		return true
	case ByHealth:
		return s.Health != nil
	case ByNotify:
		return s.Notify
	case ByLog:
		return r.Pattern != "" && plain(r.Pattern)
	case ByFD:
		return r.FD >= 3 && r.FD < MaxFD
	}
	return false
}

// MaxFD bounds the number of a descriptor that a service is given.
const MaxFD = 1024

func (p *Probe) valid() bool {
	addresses := 0
	for _, address := range []string{p.URL, p.TCP, p.Unix} {
		if address != "" {
			addresses++
		}
	}
	return addresses <= 1 && p.Retries >= 1 && p.AttemptTimeout > 0 && notNegative(p.Interval, p.TotalTimeout)
}

func validExits(exits []Exit) bool {
	for _, e := range exits {
		if e.Code < 0 || e.Code > 255 || e.Signal < 0 || e.Signal > spec.MaxSignal || e.Code != 0 && e.Signal != 0 {
			return false
		}
	}
	return true
}

func notNegative(durations ...time.Duration) bool {
	for _, d := range durations {
		if d < 0 {
			return false
		}
	}
	return true
}

// printable holds for a line that can be shown on a terminal.
func printable(text string) bool {
	control := func(r rune) bool { return !unicode.IsPrint(r) }
	return text != "" && len(text) <= maxName && !strings.ContainsFunc(text, control)
}

func absolute(path string) bool {
	return filepath.IsAbs(path) && len(path) <= maxPath && plain(path)
}

// plain holds for what an exec can pass and JSON can carry: encoding/json would
// silently write another text for one that is not UTF-8.
func plain(text string) bool {
	return !strings.Contains(text, "\x00") && utf8.ValidString(text)
}
