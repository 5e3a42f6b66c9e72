package manifest

import (
	"errors"
	"fmt"
	"strings"

	"systemg.org/sysg/pkg/envfile"
)

var deploymentObject = Object{Name: "deployment", Lenient: true, Keys: []*Key{
	key("strategy", choice[string]("immediate rolling"), "immediate", "how a running service is replaced: stopped first, or beside its successor", in(func(d *Deployment) any { return &d.Strategy })),
	key("pre_start", shell, "", "command that must succeed before each start", in(func(d *Deployment) any { return &d.PreStart })),
	key("pre_start_timeout", positive, "5m", "time for pre_start", in(func(d *Deployment) any { return &d.PreStartTimeout })),
	key("health_check", healthType(&healthObject), "", "check that tells whether it works", in(func(d *Deployment) any { return &d.Health })),
	key("grace_period", duration, "", "how long a candidate of a rolling replacement must stay ready", in(func(d *Deployment) any { return &d.Grace })),
	key("blue_green", &Type{Name: "blue_green", Accepts: "a mapping", Object: &blueGreenObject, form: keysOf(&blueGreenObject), nullable: true, read: readBlueGreen}, "",
		"rolling replacement in two slots, with a switch between them", in(func(d *Deployment) any { return &d.BlueGreen })),
}}

var blueGreenObject = Object{Name: "blue_green", Lenient: true, need: node{"required": []string{"slots", "switch_command"}}, Keys: []*Key{
	key("env_var", word("a name", "the name of a variable", variableName, parseVariable), "PORT", "variable that tells the service its slot", in(func(b *BlueGreen) any { return &b.Var })),
	key("slots", slotsType, "", "the two slots, such as two ports", in(func(b *BlueGreen) any { return &b.Slots })),
	key("candidate_health_check", healthType(&candidateObject), "", "check that the candidate must pass", in(func(b *BlueGreen) any { return &b.Check })),
	key("switch_command", shell, "", "turns the traffic to {candidate_slot}", in(func(b *BlueGreen) any { return &b.Switch })),
	key("switch_verify", shell, "", "checks that the traffic has turned", in(func(b *BlueGreen) any { return &b.Verify })),
	key("state_path", directory, "", "file that keeps the active slot (default: one of the supervisor's)", in(func(b *BlueGreen) any { return &b.StatePath })),
}}

func readBlueGreen(r *reader, v value, to any) {
	b, before := &BlueGreen{}, r.errors
	r.defaults(&blueGreenObject, b)
	r.object(&blueGreenObject, v, b)
	*to.(**BlueGreen) = b
	switch {
	case r.errors > before:
	case b.Slots[0] == "":
		r.bad(v, "blue_green has no slots", "add slots: with two, such as [3000, 3001]")
	case strings.Count(b.Switch+b.Verify, "{") > 1000:
		r.bad(v, "the commands of blue_green have more than 1000 templates", "")
	case b.Switch == "":
		r.bad(v, "blue_green has no switch_command", "add the command that turns the traffic to {candidate_slot}")
	}
}

// slotsType reads exactly two slots. They are put into commands in place of
// {slot}, so that they are held to what a shell leaves alone.
var slotsType = func() *Type {
	one := func(s *schema) node {
		n := matching(slotPattern)(s)
		n["type"] = []string{"string", "number", "boolean"}
		return n
	}
	items := list("a list of two slots", one, func(r *reader, v value) (string, bool) {
		text, ok := r.text(v, "a slot")
		if ok && !isSlot(text.Value) {
			r.badWord(v, text, "a slot", "letters, digits and _ . : / -", errors.New("it has other characters, or none"))
			ok = false
		}
		return text.Value, ok
	})
	t := items.readBy(func(r *reader, v value, to any) {
		var slots []string
		before := r.errors
		items.read(r, v, &slots)
		switch {
		case r.errors > before:
		case len(slots) != 2:
			r.bad(v, fmt.Sprintf("there are %d slots", len(slots)), "name exactly two")
		case slots[0] == slots[1]:
			r.bad(v, "the two slots are the same", "")
		default:
			*to.(*[2]string) = [2]string{slots[0], slots[1]}
		}
	})
	t.form = func(s *schema) node {
		n := items.form(s)
		n["minItems"], n["maxItems"] = 2, 2
		return n
	}
	return t
}()

const slotPattern = `[A-Za-z0-9_.:/-]{1,128}`

func isSlot(text string) bool {
	other := func(c rune) bool { return c >= 0x80 || !isIDByte(byte(c)) && c != ':' && c != '/' }
	return text != "" && len(text) <= 128 && !strings.ContainsFunc(text, other)
}

func parseVariable(text string) (string, error) {
	if !envfile.IsName(text) {
		return "", errors.New("it is none")
	}
	return text, nil
}

// hasVar says whether a service's own env defines a variable.
func (e *Env) hasVar(name string) bool {
	for _, v := range e.Vars {
		if v.Name == name {
			return true
		}
	}
	return false
}

// keepRolling replaces a rolling service whose port is fixed as if the strategy
// were immediate, where the manifest may be the older program's: that did so,
// since two of them cannot listen on one port. Version 3 means what it says.
func (r *reader) keepRolling(s *Service, entry value) {
	d := &s.Deployment
	fixed := s.Env.hasVar("PORT") || d.Health != nil && hasPort(d.Health.URL)
	if r.version >= 3 || d.BlueGreen != nil || len(s.Sockets) > 0 || !fixed {
		return
	}
	d.Strategy, d.Grace = "immediate", 0
	r.report(entry.at("deployment").at("strategy"), Problem{
		Kind: KindConfig, Warning: true, Message: fmt.Sprintf("service %s has a fixed port, so it is replaced by immediate, not rolling", quote(s.Name)),
		Why:        "two of them cannot listen on one port",
		Suggestion: "list the port under sockets, or use blue_green",
	})
}

func hasPort(address string) bool {
	_, rest, _ := strings.Cut(address, "://")
	authority, _, _ := strings.Cut(rest, "/")
	_, _, err := splitHostPort(authority)
	return err == nil
}

// checkDeployment wants a rolling replacement for what is only of use in one.
func (r *reader) checkDeployment(s *Service, entry value) {
	d := &s.Deployment
	if d.Strategy == "rolling" {
		r.keepRolling(s, entry)
		return
	}
	for _, unused := range []struct {
		key   string
		given bool
	}{{"grace_period", d.Grace > 0}, {"blue_green", d.BlueGreen != nil}} {
		if !unused.given {
			continue
		}
		p := Problem{Kind: KindConfig, Message: unused.key + " is only of use with strategy: rolling", Suggestion: "add strategy: rolling"}
		if r.version < 3 {
			p.Warning, p.Why = true, "it is ignored, as manifests of versions 1 and 2 always had it; version 3 refuses it"
		}
		r.report(entry.at("deployment").at(unused.key), p)
	}
	d.Grace, d.BlueGreen = 0, nil
}
