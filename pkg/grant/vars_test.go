package grant

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// blueGreen has one service with slots and all roles, and one without.
type blueGreen struct{}

func (blueGreen) Active(string) (int, error) { return 3, nil }

func (blueGreen) Load(string, int) (string, generation.Launch, error) {
	web := generation.LaunchService{
		Name: "web", SlotVar: "PORT", Slots: [2]string{"7001", "7002"},
		Spawn: &generation.Spawn{Children: 2, Depth: 2, Descendants: 3, Termination: generation.TerminateCascade},
	}
	simple := generation.LaunchService{Name: "simple"}
	for _, role := range spec.Roles {
		if role == spec.RoleChild {
			continue
		}
		command := generation.Command{Role: role, Argv: []string{"run {slot}", "{candidate_slot}/{active_slot}", "{service_name} {x}"}}
		web.Roles, simple.Roles = append(web.Roles, command), append(simple.Roles, command)
	}
	return hash1, generation.Launch{Services: []generation.LaunchService{simple, web}}, nil
}

func askFor(service string, role spec.Role, slot *int, event *spec.Event) (Granted, error) {
	return users.Launch(spec.Launch{
		Project: "shop", Generation: 3, Hash: hash1, Service: service, Role: role, Incarnation: id, Slot: slot, Event: event,
	}, blueGreen{})
}

func TestASlotIsOneOfTheTwoThatAreDeclared(t *testing.T) {
	zero, one := 0, 1
	literal := []string{"run {slot}", "{candidate_slot}/{active_slot}", "{service_name} {x}"}
	for _, test := range []struct {
		role spec.Role
		slot *int
		argv []string
		vars []string
	}{
		{spec.RoleMain, &zero, literal, []string{"PORT=7001"}},
		{spec.RoleMain, &one, literal, []string{"PORT=7002"}},
		{spec.RoleHealth, nil, literal, nil},
		{spec.RolePreStart, &one, literal, []string{"PORT=7002", "SYSG_SERVICE_NAME=web"}},
		{
			spec.RoleCandidate, &one, []string{"run 7002", "7002/7001", "web {x}"},
			[]string{"PORT=7002", "SYSG_ACTIVE_SLOT=7001", "SYSG_CANDIDATE_SLOT=7002", "SYSG_SERVICE_NAME=web"},
		},
		{
			spec.RoleSwitch, &zero, []string{"run 7001", "7001/7002", "web {x}"},
			[]string{"PORT=7001", "SYSG_ACTIVE_SLOT=7002", "SYSG_CANDIDATE_SLOT=7001", "SYSG_SERVICE_NAME=web"},
		},
		{
			spec.RoleVerify, &one, []string{"run 7002", "7002/7001", "web {x}"},
			[]string{"PORT=7002", "SYSG_ACTIVE_SLOT=7001", "SYSG_CANDIDATE_SLOT=7002", "SYSG_SERVICE_NAME=web"},
		},
	} {
		granted, err := askFor("web", test.role, test.slot, nil)
		if err != nil || !slices.Equal(granted.Argv, test.argv) || !slices.Equal(granted.Vars, test.vars) {
			t.Errorf("%s: got %q with %q, %v", test.role, granted.Argv, granted.Vars, err)
		}
	}
}

func TestAHookIsToldOfItsEvent(t *testing.T) {
	code := 0
	granted, err := askFor("simple", spec.RoleOnErr, nil, &spec.Event{Name: "error", PID: 7, ExitCode: &code, Signal: 9, Attempt: 3})
	want := []string{"SYSG_EVENT=error", "SYSG_PID=7", "SYSG_EXIT_CODE=0", "SYSG_SIGNAL=9", "SYSG_ATTEMPT=3"}
	if err != nil || !slices.Equal(granted.Vars, want) {
		t.Errorf("got %q, %v", granted.Vars, err)
	}
	granted, err = askFor("simple", spec.RoleOnStart, nil, &spec.Event{Name: "start"})
	if err != nil || !slices.Equal(granted.Vars, []string{"SYSG_EVENT=start"}) {
		t.Errorf("what is not known is told: %q, %v", granted.Vars, err)
	}
}

func TestWhatIsNotDeclaredIsNotGranted(t *testing.T) {
	zero := 0
	event := &spec.Event{Name: "stop"}
	type request struct {
		service string
		role    spec.Role
		slot    *int
		event   *spec.Event
	}
	requests := map[string]request{
		"a slot without slots":    {"simple", spec.RoleMain, &zero, nil},
		"a child from outside":    {"web", spec.RoleChild, nil, nil},
		"a main without its slot": {"web", spec.RoleMain, nil, nil},
		"a candidate without":     {"web", spec.RoleCandidate, nil, nil},
		"a switch without":        {"web", spec.RoleSwitch, nil, nil},
		"a verify without":        {"web", spec.RoleVerify, nil, nil},
	}
	for _, role := range spec.Roles {
		if !slices.Contains(told, role) {
			requests["an event for "+string(role)] = request{"simple", role, nil, event}
		}
	}
	for name, r := range requests {
		granted, err := askFor(r.service, r.role, r.slot, r.event)
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Reason != spec.ReasonUnknown || granted.Argv != nil {
			t.Errorf("%s: got %+v, %v", name, granted, err)
		}
	}
}

// child is one that is granted, changed by edit.
func child(edit func(*Child)) (Granted, error) {
	now := time.Unix(1_000_000, 0)
	c := Child{
		Parent: spec.Record{Launch: spec.Launch{Project: "shop", Generation: 1, Hash: hash1, Service: "web", Role: spec.RoleMain, Incarnation: id}},
		Ask:    spec.Spawn{Name: "w", Argv: []string{"work"}, ParentPID: 42}, Now: now,
	}
	edit(&c)
	return users.Spawn(c, blueGreen{})
}

func siblings(parents ...string) (all []spec.Record) {
	for _, parent := range parents {
		all = append(all, spec.Record{Child: &spec.Child{Parent: parent, Depth: 1}})
	}
	return all
}

func TestAChildRunsWhatWasAskedForInItsServicesPlace(t *testing.T) {
	granted, err := child(func(*Child) {})
	if err != nil || !slices.Equal(granted.Argv, []string{"work"}) || granted.Service.Name != "web" ||
		!slices.Equal(granted.Vars, []string{"SPAWN_DEPTH=1", "SPAWN_PARENT_PID=42"}) {
		t.Errorf("got %+v, %v", granted, err)
	}
	granted, err = child(func(c *Child) {
		c.Parent.Launch.Role, c.Parent.Child = spec.RoleChild, &spec.Child{Depth: 1}
	})
	if err != nil || granted.Vars[0] != "SPAWN_DEPTH=2" {
		t.Errorf("a child's child: %+v, %v", granted, err)
	}
}

func TestEachLimitIsKeptAndNamed(t *testing.T) {
	other := strings.Repeat("cd", 16)
	for _, test := range []struct {
		limit string
		edit  func(*Child)
	}{
		{"", func(c *Child) { c.Siblings = siblings(id, other) }},
		{"children", func(c *Child) { c.Siblings = siblings(id, id) }},
		{"descendants", func(c *Child) { c.Siblings = siblings(id, other, other) }},
		{"depth", func(c *Child) { c.Parent.Launch.Role, c.Parent.Child = spec.RoleChild, &spec.Child{Depth: 2} }},
		{"", func(c *Child) {
			c.Recent = slices.Repeat([]time.Time{c.Now.Add(-time.Millisecond)}, spec.MaxSpawnRate-1)
		}},
		{"rate", func(c *Child) { c.Recent = slices.Repeat([]time.Time{c.Now.Add(-time.Millisecond)}, spec.MaxSpawnRate) }},
		{"", func(c *Child) { c.Recent = slices.Repeat([]time.Time{c.Now.Add(-time.Second)}, spec.MaxSpawnRate) }},
	} {
		_, err := child(test.edit)
		var limit *Limit
		if errors.As(err, &limit) != (test.limit != "") || limit != nil && limit.Name != test.limit || test.limit == "" && err != nil {
			t.Errorf("want limit %q, got %v", test.limit, err)
		}
	}
}

func TestWhoMayNotHaveChildrenIsRefused(t *testing.T) {
	for name, edit := range map[string]func(*Child){
		"a service without spawn": func(c *Child) { c.Parent.Launch.Service = "simple" },
		"a service that is gone":  func(c *Child) { c.Parent.Launch.Service = "none" },
		"another content":         func(c *Child) { c.Parent.Launch.Hash = hash2 },
		"a hook":                  func(c *Child) { c.Parent.Launch.Role = spec.RoleOnStart },
	} {
		granted, err := child(edit)
		var refusal *Refusal
		if !errors.As(err, &refusal) || granted.Argv != nil {
			t.Errorf("%s: got %+v, %v", name, granted, err)
		}
	}
}
