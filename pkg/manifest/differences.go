package manifest

import (
	"fmt"
	"strings"

	"systemg.org/sysg/pkg/generation"
)

// difference is one thing that systemg 0.66 does otherwise.
type difference struct {
	title, why string
}

// The differences that a manifest can meet, in the order of docs/manifest.md.
// What concerns only the command line, or only values that are refused here, is
// not among them.
var (
	alwaysDiffers = &difference{
		"restart_policy: always starts it again after exit code 0 too", "systemg 0.66 restarted after failures only; on-failure still does just that",
	}
	hooksDiffer = &difference{
		"hooks without a timeout have 30 s", "systemg 0.66 gave them 300 s; add timeout: for another time",
	}
	ownUserDiffers = &difference{
		"hooks, probes and pre_start run as the service's user", "systemg 0.66 ran them as the supervisor's, often root",
	}
	cronDiffers = &difference{
		"the cron expression means what it means in Vixie cron", "1 is Monday, 0 and 7 are Sunday, and with both a day of month and a weekday either suffices; in systemg 0.66 Sunday was 1 and both had to match",
	}
	restartsDiffer = &difference{
		"max_restarts allows that many restarts", "systemg 0.66 made one less",
	}
	shellDiffers = &difference{
		"variables in shell strings are expanded by the shell, and $$ is the shell's", "systemg 0.66 replaced them in the text, so that a value could become a part of the command",
	}
	noUserDiffers = &difference{
		"a service without user is refused by the system's instance", "systemg 0.66 ran it as root; write user: root if that is meant",
	}
	envFileDiffers = &difference{
		"an env file that is missing or malformed keeps the service from starting", "systemg 0.66 started it without; a leading - makes the file optional",
	}
	confinedDiffers = &difference{
		"private_tmp, private_devices, apparmor_profile and selinux_context are enforced", "systemg 0.66 accepted them and did nothing",
	}
	probeDiffers = &difference{
		"a health check is made until the service is ready, and not afterwards", "systemg 0.66 asked the URL every 30 s and stopped the service at the first failure; liveness: does the like",
	}
	dependsDiffers = &difference{
		"start -s starts what the service depends on", "systemg 0.66 started the one service alone",
	}
)

// differences collects which of them a manifest meets, where first, and in
// which services.
type differences struct {
	met []metDifference
}

type metDifference struct {
	*difference
	at       value
	services []string
	more     int
	file     bool // it is about a file, not about the older program
}

// maxMet bounds the services that are named.
const maxMet = 5

func (d *differences) meet(what *difference, at value, service string) {
	for i := range d.met {
		if m := &d.met[i]; m.difference == what {
			if len(m.services) < maxMet {
				m.services = append(m.services, service)
			} else {
				m.more++
			}
			return
		}
	}
	d.met = append(d.met, metDifference{difference: what, at: at, services: []string{service}})
}

// badFile is met in every manifest: such a file is worth a word before the start.
func (d *differences) badFile(file EnvFile, err error) {
	if len(d.met) < maxProblems {
		title := fmt.Sprintf("env file %s cannot be used: %s", quotePath(file.Path), fileFault(err))
		d.met = append(d.met, metDifference{difference: &difference{title, "as it is now, the service would not start"}, at: file.at, file: true})
	}
}

func (d *differences) problems(r *reader) Problems {
	var found Problems
	for _, m := range d.met {
		text := m.title
		if len(m.services) > 0 {
			text += " (" + strings.Join(m.services, ", ")
			if m.more > 0 {
				text += fmt.Sprintf(" and %d more", m.more)
			}
			text += ")"
		}
		p := Problem{
			Path: m.at.file, Line: m.at.node.Line, Column: m.at.node.Column, Key: m.at.path(), Kind: KindDifference,
			Message: text, Why: m.why, Warning: true,
		}
		if m.file {
			p.Kind, p.Suggestion = KindConfig, "a leading - makes a file optional"
		}
		found = append(found, p)
	}
	return found.sorted(r.path)
}

// differ notes which differences a service meets, where it may have been
// written for the older program.
func (r *reader) differ(s *Service, entry value) {
	if !r.old {
		return
	}
	meet := func(what *difference, met bool, keys ...string) {
		if met {
			at := entry
			for _, k := range keys {
				at = at.at(k)
			}
			r.differences.meet(what, at, s.Name)
		}
	}
	written := func(k string) bool { return entry.at(k).node != entry.node }
	confined := s.Confinement
	if confined == nil {
		confined = &Confinement{}
	}
	besides := len(s.Hooks) > 0 || s.Deployment.PreStart != "" || s.Deployment.Health != nil
	isolation := &confined.Isolation
	meet(alwaysDiffers, s.Restart.Policy == generation.Always, "restart_policy")
	meet(hooksDiffer, hookWithoutTime(entry.at("hooks"), s.Hooks), "hooks")
	meet(ownUserDiffers, confined.User != "" && besides, "user")
	meet(cronDiffers, s.Cron != nil && namesWeekday(s.Cron.Expression), "cron", "expression")
	meet(restartsDiffer, written("max_restarts"), "max_restarts")
	meet(shellDiffers, len(references(s.shellStrings())) > 0)
	meet(noUserDiffers, r.opts.System && confined.User == "")
	meet(envFileDiffers, len(s.Env.Files) > 0, "env", "file")
	meet(confinedDiffers, isolation.PrivateTmp || isolation.PrivateDevices || isolation.AppArmor != "" || isolation.SELinux != "", "isolation")
	meet(probeDiffers, s.Deployment.Health != nil && s.Deployment.Health.URL != "" && s.Liveness == nil, "deployment", "health_check")
	meet(dependsDiffers, len(s.DependsOn) > 0, "depends_on")
}

// hookWithoutTime says whether one of the hooks has the default time.
func hookWithoutTime(hooks value, of []Hook) bool {
	for _, h := range of {
		hook := hooks.at(string(h.Role))
		if hook.at("timeout").node == hook.node {
			return true
		}
	}
	return false
}

// namesWeekday says whether an expression counts weekdays, or asks for both
// kinds of days.
func namesWeekday(expression string) bool {
	fields := strings.Fields(expression)
	weekday, monthday := 4, 2
	if len(fields) > 5 {
		weekday, monthday = 5, 3
	}
	if len(fields) <= weekday {
		return false
	}
	star := func(field string) bool { return field == "*" || field == "?" }
	return strings.ContainsAny(fields[weekday], "0123456789") || !star(fields[weekday]) && !star(fields[monthday])
}
