package grant

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

var (
	hash1 = strings.Repeat("1", 64)
	hash2 = strings.Repeat("2", 64)
	id    = strings.Repeat("ab", 16)
)

// someStore is a store with generations 1 to 3 of "shop", of which 3 is active
// and 1 is lost. Project "sick" cannot be read.
type someStore struct{}

func (someStore) Active(project string) (int, error) {
	switch project {
	case "shop":
		return 3, nil
	case "sick":
		return 0, errors.New("disk on fire")
	}
	return 0, nil
}

func (someStore) Load(_ string, number int) (string, generation.Launch, error) {
	launch := generation.Launch{Inherited: []string{"LANG=C"}, Services: []generation.LaunchService{
		{Name: "api", Dir: "/srv", Roles: []generation.Command{{Role: spec.RoleMain, Argv: []string{"api", "-v"}}}},
		{Name: "empty", Roles: []generation.Command{{Role: spec.RoleMain}}},
	}}
	switch number {
	case 3:
		return hash1, launch, nil
	case 2:
		return hash2, launch, nil
	}
	return "", generation.Launch{}, errors.New("no such file")
}

// ask is a request that is granted, changed by edit.
func ask(edit func(*spec.Launch)) (Granted, error) {
	request := spec.Launch{Project: "shop", Generation: 3, Hash: hash1, Service: "api", Role: spec.RoleMain, Incarnation: id}
	edit(&request)
	return users.Launch(request, someStore{})
}

func TestGrantedIsWhatWasInstalled(t *testing.T) {
	for name, edit := range map[string]func(*spec.Launch){
		"active":      func(*spec.Launch) {},
		"predecessor": func(l *spec.Launch) { l.Generation, l.Hash = 2, hash2 },
	} {
		granted, err := ask(edit)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(granted.Argv, []string{"api", "-v"}) || granted.Service.Dir != "/srv" || !slices.Equal(granted.Inherited, []string{"LANG=C"}) {
			t.Errorf("%s: granted %+v", name, granted)
		}
	}
}

func TestEveryOtherRequestIsRefusedWithItsReason(t *testing.T) {
	for _, test := range []struct {
		name   string
		reason spec.Reason
		edit   func(*spec.Launch)
	}{
		{"unknown project", spec.ReasonUnknown, func(l *spec.Launch) { l.Project = "other" }},
		{"unreadable project", spec.ReasonInternal, func(l *spec.Launch) { l.Project = "sick" }},
		{"a path for a project", spec.ReasonProtocol, func(l *spec.Launch) { l.Project = "../shop" }},
		{"a path for a service", spec.ReasonProtocol, func(l *spec.Launch) { l.Service = "a/b" }},
		{"a path for an incarnation", spec.ReasonProtocol, func(l *spec.Launch) { l.Incarnation = "../../x" }},
		{"generation before the predecessor", spec.ReasonUnknown, func(l *spec.Launch) { l.Generation = 1 }},
		{"generation to come", spec.ReasonUnknown, func(l *spec.Launch) { l.Generation = 4 }},
		{"no generation", spec.ReasonUnknown, func(l *spec.Launch) { l.Generation = 0 }},
		{"another content", spec.ReasonUnknown, func(l *spec.Launch) { l.Hash = hash2 }},
		{"the predecessor's number with the active one's hash", spec.ReasonUnknown, func(l *spec.Launch) { l.Generation = 2 }},
		{"unknown service", spec.ReasonUnknown, func(l *spec.Launch) { l.Service = "db" }},
		{"undeclared role", spec.ReasonUnknown, func(l *spec.Launch) { l.Role = spec.RoleHealth }},
		{"a role without a command", spec.ReasonUnknown, func(l *spec.Launch) { l.Service = "empty" }},
	} {
		granted, err := ask(test.edit)
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Reason != test.reason || granted.Argv != nil {
			t.Errorf("%s: got %+v, %v; want reason %s", test.name, granted, err, test.reason)
		}
	}
}
