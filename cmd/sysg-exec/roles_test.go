package main

import (
	"slices"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// tell is a script that tells its arguments and the variables that are ours.
const tell = `echo "args $0 $*"; env | grep -E '^(SYSG_|SPAWN_|NOTIFY|WATCHDOG|LISTEN|PORT)' | sort; grep '^0::' /proc/$$/cgroup`

// allRoles is a service with a command for every role.
func allRoles(name string) generation.LaunchService {
	s := generation.LaunchService{Name: name, Dir: "/", Umask: 0o022, SlotVar: "PORT", Slots: [2]string{"7001", "7002"}}
	for _, role := range spec.Roles {
		if role != spec.RoleChild {
			s.Roles = append(s.Roles, generation.Command{
				Role: role, Argv: []string{"/bin/sh", "-c", tell, "{slot}", "{candidate_slot}", "{active_slot}", "{service_name}", "{else}"},
			})
		}
	}
	return s
}

func TestEveryRoleRunsInALeafOfItsOwn(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		in := c.install(allRoles("web"))
		one := 1
		for _, role := range spec.Roles {
			if role == spec.RoleChild {
				continue
			}
			p := c.launchAs(in, "web", role, func(l *spec.Launch) { l.Slot = &one })
			if p.Launched == nil {
				t.Errorf("%s: %+v %+v", role, p.Failed, p.Refused)
				continue
			}
			id := p.Launched.Incarnation
			text := readAll(t, p.fds[1])
			leaf := "aux-" + id + "-" + string(role)
			if role == spec.RoleMain {
				leaf = "run-" + id
			}
			if mode == "cgroup" && !strings.HasSuffix(line(t, text, "0::"), "/p-test/s-web/"+leaf) {
				t.Errorf("%s is in %s", role, line(t, text, "0::"))
			}
			want(t, string(role)+"'s slot", line(t, text, "PORT="), "7002")
			if slices.Contains([]spec.Role{spec.RoleCandidate, spec.RoleSwitch, spec.RoleVerify}, role) {
				want(t, string(role)+"'s arguments", line(t, text, "args "), "7002 7002 7001 web {else}")
				want(t, "active slot", line(t, text, "SYSG_ACTIVE_SLOT="), "7001")
				want(t, "candidate slot", line(t, text, "SYSG_CANDIDATE_SLOT="), "7002")
			} else {
				want(t, string(role)+"'s arguments", line(t, text, "args "), "{slot} {candidate_slot} {active_slot} {service_name} {else}")
			}
			if strings.Contains(text, "SYSG_EVENT") {
				t.Errorf("%s is told of an event", role)
			}
			c.over(id)
		}
		p := c.launchAs(in, "web", spec.RoleChild, nil)
		if p.Refused == nil || p.Refused.Reason != spec.ReasonUnknown {
			t.Errorf("a child was launched by a client: %+v", p.Reply)
		}
	})
}

func TestAHookIsToldWhatHappenedAndNothingElse(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	c.list()
	s := service("s", "exit 0")
	s.Roles = append(s.Roles, generation.Command{Role: spec.RoleOnErr, Argv: []string{"/bin/sh", "-c", tell}})
	s.Layers = []generation.Layer{{Vars: []string{"SYSG_EVENT=forged", "SYSG_SIGNAL=forged", "LISTEN_FDS=3", "NOTIFY_SOCKET=/forged"}}}
	in := c.install(s)
	code := 42
	p := c.launchAs(in, "s", spec.RoleOnErr, func(l *spec.Launch) {
		l.Event = &spec.Event{Name: "error", PID: 4711, ExitCode: &code, Attempt: 2}
	})
	text := readAll(t, p.fds[1])
	want(t, "event", line(t, text, "SYSG_EVENT="), "error")
	want(t, "pid", line(t, text, "SYSG_PID="), "4711")
	want(t, "exit code", line(t, text, "SYSG_EXIT_CODE="), "42")
	want(t, "attempt", line(t, text, "SYSG_ATTEMPT="), "2")
	for _, not := range []string{"SYSG_SIGNAL", "LISTEN_", "NOTIFY_", "forged"} {
		if strings.Contains(text, not) {
			t.Errorf("%s got through:\n%s", not, text)
		}
	}
	for _, role := range []spec.Role{spec.RoleMain} {
		p := c.launchAs(in, "s", role, func(l *spec.Launch) { l.Event = &spec.Event{Name: "stop"} })
		if p.Refused == nil || p.Refused.Reason != spec.ReasonUnknown {
			t.Errorf("%s was told of an event: %+v", role, p.Reply)
		}
	}
	zero := 0
	if p := c.launchAs(in, "s", spec.RoleMain, func(l *spec.Launch) { l.Slot = &zero }); p.Refused == nil {
		t.Errorf("a slot that is not declared was granted: %+v", p.Reply)
	}
}

// A repeated launch with the same slot and event is the same, whatever place in
// memory they have; with another one it is another launch.
func TestARepeatedLaunchIsComparedByItsContent(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	in := c.install(allRoles("web"))
	slot := func(n int) *int { return &n }
	l := request(in, "web")
	l.Slot = slot(0)
	c.ask(spec.Request{Launch: &l})
	first := c.answer()
	l.Slot = slot(0)
	c.ask(spec.Request{Launch: &l})
	if p := c.answer(); p.Launched == nil || p.Launched.PID != first.Launched.PID {
		t.Errorf("repeated, it was answered by %+v %+v", p.Launched, p.Refused)
	}
	l.Slot = slot(1)
	c.ask(spec.Request{Launch: &l})
	if p := c.answer(); p.Refused == nil || p.Refused.Reason != spec.ReasonInvalid {
		t.Errorf("with another slot it was answered by %+v", p.Reply)
	}
}

func TestSchedulingIsWhatTheGenerationSays(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		s := service("s", `grep -E 'Cpus_allowed_list|NoNewPrivs' /proc/$$/status; ionice -p $$; echo to tell`)
		s.Affinity, s.IOPriority, s.NoNewPrivs = []uint64{1}, 2<<13|6, true
		far := service("far", "true")
		far.Affinity = []uint64{0, 1 << 63}
		partly := service("partly", "true")
		partly.Affinity = []uint64{1, 1 << 63}
		in := c.install(far, partly, s)
		text := readAll(t, c.launch(in, "s").out)
		want(t, "CPUs", line(t, text, "Cpus_allowed_list:"), "0")
		want(t, "no_new_privs", line(t, text, "NoNewPrivs:"), "1")
		want(t, "ionice", line(t, text, "best-effort:"), "prio 6")
		f := c.fails(in, "far")
		if f.Stage != spec.StageAffinity || f.Errno != 22 || !strings.Contains(f.Detail, "127") {
			t.Errorf("a CPU that is not here: %+v", f)
		}
		f = c.fails(in, "partly")
		if f.Stage != spec.StageAffinity || !strings.Contains(f.Detail, "of these only 0 ") {
			t.Errorf("a CPU that is here, and one that is not: %+v", f)
		}
	})
}
