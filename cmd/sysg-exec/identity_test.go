package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// requireRoot skips, or with CI=true fails, without root.
func requireRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("CI runs this as root")
	}
	t.Skip("not root")
}

// someone has a number that no account of the machine needs to have.
func someone() generation.Identity {
	return generation.Identity{Name: "someone", Home: "/nonexistent", Shell: "/bin/sh", UID: 61234, GID: 61235, Groups: []uint32{4, 61236}}
}

// confined is a service that runs as someone, and is launched directly.
func confined(name, script string) generation.LaunchService {
	s := service(name, script)
	s.NoNewPrivs = true
	s.Confinement = &generation.Confinement{Identity: someone()}
	return s
}

// waits is a script that says when it is there, and stays.
const waits = "echo ready; while read -r line; do :; done < fifo"

// fifo is a directory in which somebody can wait for ever.
func fifo(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sysg-fifo")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

// status is as whom a process runs.
func status(t testing.TB, pid int) sys.ProcStatus {
	t.Helper()
	s, err := sys.ReadProcStatus(pid)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAServiceRunsAsItsUserWithNothingElse(t *testing.T) {
	requireRoot(t)
	c := startHelper(t).dial()
	other, root := confined("other", waits), confined("root", waits)
	root.Confinement.Identity = generation.Identity{Name: "root", Home: "/root", Shell: "/bin/sh"}
	bare := confined("bare", waits)
	bare.Confinement.Identity = generation.Identity{UID: 4294967294, GID: 4294967294}
	all := []generation.LaunchService{bare, other, root}
	for i := range all {
		all[i].Dir = fifo(t)
	}
	in := c.install(all...)
	for _, s := range all {
		p := c.launch(in, s.Name)
		readUntil(t, p.out, "ready")
		got, id := status(t, p.pid), &s.Confinement.Identity
		if got.UIDs != [4]uint32{id.UID, id.UID, id.UID, id.UID} || got.GIDs != [4]uint32{id.GID, id.GID, id.GID, id.GID} || !slices.Equal(got.Groups, id.Groups) {
			t.Errorf("%s runs as %+v", s.Name, got)
		}
		if got.CapInheritable|got.CapPermitted|got.CapEffective|got.CapBounding|got.CapAmbient != 0 || !got.NoNewPrivs {
			t.Errorf("%s may do %+v", s.Name, got)
		}
		c.done(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
	}
}

func TestASystemServiceBeginsWithTheEnvironmentOfALogin(t *testing.T) {
	requireRoot(t)
	c := startHelper(t).dial()
	own := confined("own", "env")
	own.Layers = []generation.Layer{{Vars: []string{"HOME=/srv", "A=1"}}}
	nameless := confined("nameless", "env")
	nameless.Confinement.Identity = generation.Identity{UID: 61234, GID: 61235}
	in := c.install(confined("login", "env"), nameless, own)
	for name, wanted := range map[string][]string{
		"login":    {"HOME=/nonexistent", "USER=someone", "LOGNAME=someone", "SHELL=/bin/sh"},
		"nameless": nil,
		"own":      {"HOME=/srv", "USER=someone", "LOGNAME=someone", "SHELL=/bin/sh", "A=1"},
	} {
		p := c.launch(in, name)
		var got []string
		for _, variable := range strings.Fields(readAll(t, p.out)) {
			key, _, _ := strings.Cut(variable, "=")
			if !strings.HasPrefix(key, "SYSG_") && key != "PWD" && key != "_" && key != "OLDPWD" {
				got = append(got, variable)
			}
		}
		wanted = append(wanted, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
		slices.Sort(got)
		slices.Sort(wanted)
		want(t, name, fmt.Sprint(got), fmt.Sprint(wanted))
	}
}
