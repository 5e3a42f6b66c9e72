package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// everyKind are the kinds of namespaces, as in /proc/PID/ns.
var everyKind = []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"}

// links are the namespaces of a process.
func links(t *testing.T, pid int) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, kind := range everyKind {
		link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
		if err != nil {
			t.Fatal(err)
		}
		all[kind] = link
	}
	return all
}

func everyNamespace(c *generation.Confinement) {
	c.Mount, c.Network, c.PID, c.IPC, c.UTS, c.Cgroup = true, true, true, true, true, true
	c.PrivateTmp = true
}

// TestACheckJoinsTheServiceThatItRunsBeside holds which role sees what: what a
// service wrote into its own /tmp is found by its check, and by no pre_start.
func TestACheckJoinsTheServiceThatItRunsBeside(t *testing.T) {
	requireRoot(t)
	c := startHelper(t).dial()
	for name, edit := range map[string]func(*generation.Confinement){
		"namespaces":           everyNamespace,
		"with init":            func(c *generation.Confinement) { everyNamespace(c); c.Init = true },
		"in a user namespace":  func(c *generation.Confinement) { everyNamespace(c); c.User = true },
		"with init and user":   func(c *generation.Confinement) { everyNamespace(c); c.User, c.Init = true, true },
		"only user":            func(c *generation.Confinement) { c.User = true },
		"only pid of root":     func(c *generation.Confinement) { c.Identity = generation.Identity{}; c.PID = true },
		"root in all":          func(c *generation.Confinement) { c.Identity = generation.Identity{}; everyNamespace(c); c.User = true },
		"capabilities in user": func(c *generation.Confinement) { c.User, c.Network, c.Capabilities = true, true, 1<<10 },
	} {
		t.Run(name, func(t *testing.T) {
			s := isolated("joined", "echo of the service > /tmp/sysg-mark; echo ready; sleep 1000", edit)
			ask := `cat /tmp/sysg-mark || echo no mark; echo ready; sleep 1000`
			for _, role := range []spec.Role{spec.RoleHealth, spec.RolePreStart, spec.RoleStop} {
				s.Roles = append(s.Roles, generation.Command{Role: role, Argv: []string{"/bin/sh", "-c", ask}})
			}
			if !s.Confinement.PrivateTmp {
				t.Cleanup(func() { _ = os.Remove("/tmp/sysg-mark") })
			}
			in := c.install(s)
			main := c.launch(in, "joined")
			readUntil(t, main.out, "ready")
			for role, joins := range map[spec.Role]bool{spec.RoleHealth: true, spec.RoleStop: true, spec.RolePreStart: false} {
				beside := c.launchBeside(in, "joined", role, main.id)
				out := readUntil(t, beside.out, "ready")
				for _, kind := range everyKind {
					own := links(t, os.Getpid())[kind]
					its, mains := links(t, beside.pid)[kind], links(t, main.pid)[kind]
					switch {
					case mains == own && its != own, mains != own && (its == own || joins != (its == mains)):
						t.Errorf("%s: its %s is %s, the service's %s, ours %s", role, kind, its, mains, own)
					}
				}
				if s.Confinement.PrivateTmp && joins == strings.Contains(out, "no mark") {
					t.Errorf("%s sees %q", role, out)
				}
				if got, want := status(t, beside.pid), status(t, main.pid); !s.Confinement.Init && (got.UIDs != want.UIDs || got.CapEffective != want.CapEffective || got.CapBounding != want.CapBounding || got.CapAmbient != want.CapAmbient || got.NoNewPrivs != want.NoNewPrivs) {
					t.Errorf("%s runs as %+v, the service as %+v", role, got, want)
				}
				c.done(spec.Request{Kill: &spec.Kill{Incarnation: beside.id}})
			}
			c.done(spec.Request{Kill: &spec.Kill{Incarnation: main.id}})
		})
	}
}

// launchBeside launches a role beside a running incarnation.
func (c *client) launchBeside(in spec.Installed, service string, role spec.Role, beside string) process {
	c.t.Helper()
	l := request(in, service)
	l.Role, l.Beside = role, beside
	c.ask(spec.Request{Launch: &l})
	p := c.answer()
	if p.Launched == nil {
		c.t.Fatalf("launch of %s was answered by %+v %+v", role, p.Failed, p.Refused)
	}
	return c.process(p, l)
}

func TestNobodyJoinsAnotherService(t *testing.T) {
	requireRoot(t)
	c := startHelper(t).dial()
	one, other := isolated("one", "echo ready; sleep 1000", everyNamespace), isolated("other", "true", everyNamespace)
	other.Roles = append(other.Roles, generation.Command{Role: spec.RoleHealth, Argv: []string{"/bin/true"}})
	in := c.install(one, other)
	p := c.launch(in, "one")
	answer := c.launchAs(in, "other", spec.RoleHealth, func(l *spec.Launch) { l.Beside = p.id })
	if answer.Refused == nil || answer.Refused.Reason != spec.ReasonUnknown {
		t.Errorf("answered by %+v", answer.Reply)
	}
	answer = c.launchAs(in, "other", spec.RoleHealth, func(l *spec.Launch) { l.Beside = newIncarnation() })
	if answer.Launched == nil {
		t.Errorf("beside nothing: answered by %+v", answer.Reply)
	}
}
