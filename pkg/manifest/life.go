package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/schedule"
	"systemg.org/sysg/pkg/spec"
)

// budget is the time for a command that runs before or between the service's
// own: pre_start, skip, and the switch of a blue/green deployment.
const budget = 5 * time.Minute

// budget is that time, where nobody has set another.
func (o *Options) budget(otherwise time.Duration) time.Duration {
	return cmp.Or(o.Budget, o.Settings.PreStart, otherwise)
}

// lifeKeys say when a service runs, and how it is told that it works.
var lifeKeys = []*Key{
	key("ready", readyType, "", "what makes it ready (default: health with a health check, else stable)", in(func(s *Service) any { return &s.Ready })),
	key("stable_for", duration, "250ms", "how long it must live to be ready by stable", in(func(s *Service) any { return &s.Ready.StableFor })),
	key("start_timeout", positive, "5m", "time to become ready", in(func(s *Service) any { return &s.Ready.Timeout })),
	key("watchdog", positive, "", "the longest time between two WATCHDOG=1 of sd_notify; a miss is a failure", in(func(s *Service) any { return &s.Watchdog })),
	key("deployment", object(&deploymentObject), "", "replacement, pre_start and health check", in(func(s *Service) any { return &s.Deployment })),
	key("liveness", healthType(&livenessObject), "", "check while it runs; so many failures in a row are a failure of the service", in(func(s *Service) any { return &s.Liveness })),
	key("hooks", object(&hooksObject), "", "commands that are told of events", in(func(s *Service) any { return &s.Hooks })),
	key("cron", cronType, "", "times at which it runs", in(func(s *Service) any { return &s.Cron })),
	key("skip", skipType, "", "whether to leave it out, with what depends on it: a boolean, or a command that exits 0 for yes", in(func(s *Service) any { return &s.Skip })),
}

var readyObject = Object{Name: "ready", need: exactlyOne("log", "fd"), Keys: []*Key{
	key("log", &Type{Name: "a regular expression", Accepts: "a regular expression (RE2)", form: filled, read: readPattern}, "",
		"ready when it writes a line that matches", in(func(r *generation.Ready) any { return &r.Pattern })),
	key("fd", integer(3, generation.MaxFD-1), "", "ready when it writes a line to this descriptor", in(func(r *generation.Ready) any { return &r.FD })),
}}

var readyChoice = choice[generation.ReadyBy]("stable health notify")

// readyType is a word, or one of the rules that have a value.
var readyType = &Type{
	Name: "a readiness rule", Accepts: "stable, health, notify, {log: REGEX} or {fd: N}",
	Choices: readyChoice.Choices, Object: &readyObject, form: either(readyChoice.form, keysOf(&readyObject)),
	read: func(r *reader, v value, to any) {
		ready := to.(*generation.Ready)
		if target(v.node).Kind != yaml.MappingNode {
			readyChoice.read(r, v, &ready.By)
			return
		}
		before := r.errors
		r.object(&readyObject, v, ready)
		switch {
		case r.errors > before:
		case (ready.Pattern != "") == (ready.FD != 0):
			r.bad(v, "ready has neither log nor fd, or both", "give exactly one of them")
		case ready.Pattern != "":
			ready.By = generation.ByLog
		default:
			ready.By = generation.ByFD
		}
	},
}

func readPattern(r *reader, v value, to any) {
	text, ok := r.text(v, "a regular expression")
	if !ok {
		return
	}
	if _, err := regexp.Compile(text.Value); err != nil || strings.TrimSpace(text.Value) == "" {
		r.badWord(v, text, "a regular expression", "a regular expression (RE2), such as \"listening on\"", patternFault(err))
		return
	}
	*to.(*string) = text.Value
}

// patternFault is what is wrong with a regular expression, without quoting it:
// it may be the value of a variable.
func patternFault(err error) error {
	var fault *syntax.Error
	if errors.As(err, &fault) {
		return errors.New(string(fault.Code))
	}
	return errors.New("it is empty")
}

var hooksObject = Object{Name: "hooks", Keys: []*Key{
	hookKey("onstart", spec.RoleOnStart, "when it has become ready, or a one-shot has completed"),
	hookKey("onerr", spec.RoleOnErr, "when it has failed"),
	hookKey("onstop", spec.RoleOnStop, "when it has been stopped"),
	hookKey("onexit", spec.RoleOnExit, "when it has ended, for whatever reason"),
}}

var hookObject = Object{Name: "a hook", Lenient: true, need: node{"required": []string{"command"}}, Keys: []*Key{
	key("command", shell, "", "run as the service's user, told of the event by SYSG_EVENT and the like", in(func(h *Hook) any { return &h.Command })),
	key("timeout", positive, "30s", "time for it", in(func(h *Hook) any { return &h.Timeout })),
}}

func hookKey(name string, role spec.Role, doc string) *Key {
	t := &Type{Name: "a hook", Accepts: "a mapping", Object: &hookObject, form: keysOf(&hookObject), nullable: true, read: func(r *reader, v value, to any) {
		h, before := Hook{Role: role}, r.errors
		r.defaults(&hookObject, &h)
		if r.opts.Budget > 0 {
			h.Timeout = r.opts.Budget
		}
		if r.object(&hookObject, v, &h); h.Command == "" && r.errors == before {
			r.bad(v, fmt.Sprintf("hook %s has no command", v.name), "add command:")
		}
		hooks := to.(*[]Hook)
		*hooks = append(*hooks, h)
	}}
	return key(name, t, "", doc, func(hooks any) any { return hooks })
}

var cronObject = Object{Name: "cron", Lenient: true, need: node{"required": []string{"expression"}}, Keys: []*Key{
	key("expression", expressionType, "",
		"when it runs: 5 fields, 6 with seconds first, 7 with the year last, or @hourly and the like", in(func(c *generation.Cron) any { return &c.Expression })),
	key("timezone", freeText("a time zone", "a name such as Europe/Berlin, UTC or local"), "local", "whose clock it goes by", in(func(c *generation.Cron) any { return &c.Timezone })),
	key("overlap", choice[generation.Overlap]("skip queue kill"), "skip", "what happens when a run is due while the last one still runs", in(func(c *generation.Cron) any { return &c.Overlap })),
	key("catch_up", eitherOf("none", "one"), "none", "whether one run makes up for those that were missed", in(func(c *generation.Cron) any { return &c.CatchUp })),
	key("jitter", duration, "", "the most that a run is put off, by chance", in(func(c *generation.Cron) any { return &c.Jitter })),
	key("timeout", positive, "1h", "time for a run", in(func(c *generation.Cron) any { return &c.Timeout })),
	key("history", integer(1, 10_000), "50", "runs that are remembered", in(func(c *generation.Cron) any { return &c.History })),
}}

var expressionType = func() *Type {
	t := freeText("a cron expression", "5 to 7 fields such as \"30 2 * * MON-FRI\", or @hourly")
	t.form = matching(`\s*(@\s*\S+|\S+(\s+\S+){4,6})\s*`)
	return t
}()

var cronType = &Type{Name: "cron", Accepts: "a mapping", Object: &cronObject, form: keysOf(&cronObject), nullable: true, read: func(r *reader, v value, to any) {
	c, before := &generation.Cron{}, r.errors
	r.defaults(&cronObject, c)
	r.object(&cronObject, v, c)
	*to.(**generation.Cron) = c
	switch {
	case r.errors > before:
	case c.Expression == "":
		r.bad(v, "cron has no expression", `add expression: such as "0 3 * * *"`)
	default:
		r.checkSchedule(v, c)
	}
}}

func (r *reader) checkSchedule(v value, c *generation.Cron) {
	s, err := schedule.Parse(c.Expression, c.Timezone)
	if err == nil && !r.opts.Now.IsZero() {
		err = s.Check(r.opts.Now)
	}
	if err == nil {
		return
	}
	at, fault := v.at("expression"), &schedule.Error{Field: schedule.Expression}
	if errors.As(err, &fault); fault.Field == schedule.Timezone {
		at = v.at("timezone")
	}
	if n := target(at.node); n.Kind == yaml.ScalarNode && len(references(n.Value)) > 0 {
		r.bad(at, fmt.Sprintf("cannot use the %s of the value of %s", fault.Field, quote(n.Value)), "")
		return
	}
	r.bad(at, fmt.Sprintf("cannot use the %s %s: %s", fault.Field, quote(fault.Text), fault.Reason), "")
}

// skipType is a boolean, or a shell string that decides at each start.
var skipType = &Type{Name: "true, false or a command", Accepts: "true, false, or a command for /bin/sh", form: skipForm, read: func(r *reader, v value, to any) {
	skip := to.(*Skip)
	n := target(v.node)
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool" {
		skip.Always, _ = parseBool(n.Value)
		return
	}
	if slices.Contains(notBooleans, n.Value) {
		r.bad(v, fmt.Sprintf("skip cannot be %s", quote(n.Value)), "write true or false")
		return
	}
	shell.read(r, v, &skip.Command)
}}

// notBooleans are words that somebody may take for booleans, and who else would
// run them as commands.
var notBooleans = []string{"yes", "no", "on", "off", "Yes", "No", "On", "Off"}

func skipForm(s *schema) node {
	return node{"anyOf": []node{truth(s), filled(s)}, "not": node{"enum": notBooleans}}
}
