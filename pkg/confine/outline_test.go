package confine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// declared is a service that asks for much.
func declared() generation.LaunchService {
	l := full()
	return generation.LaunchService{
		Name: "db", Dir: l.Dir, Umask: l.Umask, Rlimits: l.Rlimits, Nice: l.Nice, OOMScore: l.OOMScore,
		Affinity: l.Affinity, IOPriority: l.IOPriority, NoNewPrivs: true, NoInherit: true, Notify: true, ReadyFD: 7,
		Roles:   []generation.Command{{Role: spec.RoleMain, Argv: l.Argv}, {Role: spec.RolePreStart, Argv: []string{"/bin/sh", "-c", "true"}}},
		Layers:  []generation.Layer{{File: "/etc/db.env", Optional: true}, {File: "/etc/db2.env"}, {Vars: []string{"TOKEN=secret", "PORT=7000"}}},
		Sockets: []generation.Socket{{Name: "a", Kind: generation.SocketTCP, Address: "127.0.0.1:7000"}, {Name: "b", Kind: generation.SocketUnix, Address: "/run/db"}},
		Cgroup:  &generation.Cgroup{Root: "/sys/fs/cgroup/test", Files: []generation.CgroupFile{{Name: "memory.max", Value: "1048576"}}},
	}
}

func TestTheOutlineIsTheFrozenOne(t *testing.T) {
	s := declared()
	for name, role := range map[string]spec.Role{"outline": spec.RoleMain, "outline-pre-start": spec.RolePreStart} {
		steps, err := Outline(&s, role)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for _, step := range steps {
			fmt.Fprintf(&text, "%-13s  %s\n", step.Stage, step.Does)
		}
		golden := filepath.Join("testdata", "steps", name+".txt")
		if *update {
			if err := os.WriteFile(golden, []byte(text.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		frozen, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if text.String() != string(frozen) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, text.String(), frozen)
		}
		if strings.Contains(text.String(), "secret") {
			t.Errorf("%s: the outline prints the environment", name)
		}
	}
	if _, err := Outline(&s, spec.RoleHealth); err == nil || err.Error() != `service "db" has no command of the role "health"` {
		t.Errorf("a command that there is not: %v", err)
	}
}

func TestTheOutlineNamesTheNamespaces(t *testing.T) {
	c := &generation.Confinement{PID: true, Init: true, Network: true, PrivateTmp: true}
	for want, l := range map[string]Launch{
		"": {Confinement: &generation.Confinement{}},
		", into namespaces of its own: mnt pid net, below sysg-exec init as process 1": {Confinement: c},
		", into namespaces of the running service: mnt pid net":                        {Confinement: c, Joined: true},
	} {
		if text := l.namespacesText(); text != want {
			t.Errorf("got %q, want %q", text, want)
		}
	}
	if text := (&Launch{}).namespacesText(); text != "" {
		t.Errorf("in a user's instance: %q", text)
	}
}

func TestTheOutlineSaysWhatThisKernelLacks(t *testing.T) {
	s := declared()
	s.Confinement = &generation.Confinement{AppArmor: "web", SELinux: "a:b:c:s0"}
	// No kernel has both in use.
	steps, err := Outline(&s, spec.RoleMain)
	if err != nil {
		t.Fatal(err)
	}
	if last := steps[len(steps)-1]; last.Stage != spec.StageLSM || !strings.HasPrefix(last.Does, "refuse the launch: isolation.") {
		t.Errorf("the last step is %+v", last)
	}
	s.Confinement.BestEffort = []string{"apparmor_profile", "selinux_context"}
	if steps, err = Outline(&s, spec.RoleMain); err != nil {
		t.Fatal(err)
	}
	left := 0
	for _, step := range steps {
		if strings.HasPrefix(step.Does, "leave out isolation.") {
			left++
		}
	}
	if left == 0 || steps[len(steps)-1].Stage != spec.StageExec {
		t.Errorf("%d keys are left out, and the last step is %+v", left, steps[len(steps)-1])
	}
}
