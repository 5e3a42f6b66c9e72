package grant

import (
	"errors"
	"testing"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

const daemon = 998

var (
	system = Helper{System: true, Daemon: daemon}
	users  = Helper{UID: 1000}
)

func TestWhoIsListenedTo(t *testing.T) {
	for _, test := range []struct {
		name   string
		helper Helper
		caller Caller
		want   bool
	}{
		{"the user's own", users, Caller{UID: 1000}, true},
		{"root, by a user's", users, Caller{UID: 0}, true},
		{"another user, by a user's", users, Caller{UID: 1001}, false},
		{"nobody at all, by a user's", users, Caller{UID: ^uint32(0)}, false},
		{"root's own helper is a user's", Helper{}, Caller{UID: 0}, true},
		{"another user, by root's own", Helper{}, Caller{UID: 1000}, false},
		{"root, by the system's", system, Caller{UID: 0}, true},
		{"the daemon, by the system's", system, Caller{UID: daemon}, true},
		{"a user, by the system's", system, Caller{UID: 1000}, false},
		{"nobody at all, by the system's", system, Caller{UID: ^uint32(0)}, false},
		{"root inside a service", system, Caller{UID: 0, Inside: true}, false},
		{"the daemon's uid inside a service", system, Caller{UID: daemon, Inside: true}, false},
	} {
		if got := test.helper.Connects(test.caller); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestOnlyRootInstallsForTheSystem(t *testing.T) {
	installing := map[string]spec.Request{
		"install":  {Install: &spec.Install{}},
		"activate": {Activate: &spec.Activate{}},
		"remove":   {Remove: &spec.Remove{}},
	}
	leading := map[string]spec.Request{
		"launch": {Launch: &spec.Launch{}}, "signal": {Signal: &spec.Signal{}}, "kill": {Kill: &spec.Kill{}}, "list": {List: &spec.List{}},
		"ack": {Ack: &spec.Ack{}}, "quit": {Quit: &spec.Quit{}}, "listen": {Listen: &spec.Listen{}}, "keep": {Keep: &spec.Keep{}},
	}
	for name, r := range installing {
		var refusal *Refusal
		if err := system.Asks(Caller{UID: daemon}, &r); !errors.As(err, &refusal) || refusal.Reason != spec.ReasonPeer {
			t.Errorf("the daemon's %s: %v", name, err)
		}
		if err := system.Asks(Caller{UID: 0}, &r); err != nil {
			t.Errorf("root's %s: %v", name, err)
		}
		if err := users.Asks(Caller{UID: 1000}, &r); err != nil {
			t.Errorf("a user's %s: %v", name, err)
		}
	}
	for name, r := range leading {
		if err := system.Asks(Caller{UID: daemon}, &r); err != nil {
			t.Errorf("the daemon's %s: %v", name, err)
		}
	}
}

func TestTheSystemLaunchesNothingThatDoesNotSayAsWhom(t *testing.T) {
	launch := spec.Launch{Project: "shop", Generation: 3, Hash: hash1, Service: "api", Role: spec.RoleMain, Incarnation: id}
	for what, err := range map[string]error{
		"launched": second(system.Launch(launch, someStore{})),
		"listened for": second(system.Listen(spec.Listen{
			Project: launch.Project, Generation: launch.Generation, Hash: launch.Hash, Service: launch.Service,
		}, someStore{})),
		"given a child": second(system.Spawn(Child{Parent: spec.Record{Launch: spec.Launch{
			Project: "shop", Generation: 3, Hash: hash1, Service: "web", Role: spec.RoleMain,
		}}}, blueGreen{})),
		"installed": system.Installs(&generation.Launch{Services: []generation.LaunchService{{Confinement: &generation.Confinement{}}, {Name: "api"}}}),
	} {
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Reason != spec.ReasonInvalid {
			t.Errorf("it was %s: %v", what, err)
		}
	}
	if err := system.Installs(&generation.Launch{Services: []generation.LaunchService{{Confinement: &generation.Confinement{}}}}); err != nil {
		t.Error(err)
	}
	if err := users.Installs(&generation.Launch{Services: []generation.LaunchService{{Name: "api"}}}); err != nil {
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }
