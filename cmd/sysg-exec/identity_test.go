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
	c := startSystem(t).dial()
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
	c := startSystem(t).dial()
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

// In a user namespace of its own nothing can raise a priority, so it is done
// from outside, before the service can run.
func TestLimitsThatTakePrivilegeHoldInAUserNamespace(t *testing.T) {
	requireRoot(t)
	c := startSystem(t).dial()
	nice, score := -5, 300
	for _, user := range []bool{false, true} {
		s := confined(fmt.Sprintf("user-%v", user), waits)
		s.Dir = fifo(t)
		s.Confinement.User = user
		s.Nice, s.OOMScore, s.IOPriority, s.Umask = &nice, &score, 1<<13|3, 0o027
		s.Affinity = []uint64{1}
		s.Rlimits = []generation.Rlimit{{Name: "as", Soft: 1 << 30, Hard: 1 << 30}, {Name: "nofile", Soft: 123, Hard: 456}}
		in := c.install(s)
		p := c.launch(in, s.Name)
		readUntil(t, p.out, "ready")
		value, err := unix.Getpriority(unix.PRIO_PROCESS, p.pid)
		if err != nil || 20-value != nice { // The raw call returns it like that.
			t.Errorf("%s: nice is %d, %v", s.Name, 20-value, err)
		}
		if io, _, _ := unix.Syscall(unix.SYS_IOPRIO_GET, 1, uintptr(p.pid), 0); int(io) != s.IOPriority {
			t.Errorf("%s: ionice is %d", s.Name, io)
		}
		var set unix.CPUSet
		if err := unix.SchedGetaffinity(p.pid, &set); err != nil || set.Count() != 1 || !set.IsSet(0) {
			t.Errorf("%s: its CPUs are %v, %v", s.Name, set, err)
		}
		limits := rlimitsOf(t, p.pid)
		want(t, s.Name+"'s as", limits["Max address space"], "1073741824 1073741824")
		want(t, s.Name+"'s nofile", limits["Max open files"], "123 456")
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/oom_score_adj", p.pid))
		want(t, s.Name+"'s oom_score_adj", strings.TrimSpace(string(text)), "300")
		if own, _ := os.Readlink("/proc/self/ns/user"); err == nil {
			its, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/user", p.pid))
			if (own != its) != user {
				t.Errorf("%s is in the user namespace %s", s.Name, its)
			}
		}
		if got := status(t, p.pid); got.UIDs[1] != 61234 || got.CapEffective|got.CapBounding|got.CapAmbient != 0 {
			t.Errorf("%s runs as %+v", s.Name, got)
		}
		c.done(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
	}
}

// rlimitsOf are the soft and hard limits of /proc/PID/limits, by their names
// there. prlimit(2) takes CAP_SYS_RESOURCE.
func rlimitsOf(t testing.TB, pid int) map[string]string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		t.Fatal(err)
	}
	limits := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if len(line) > 46 { // The name has 26 columns, each value 21.
			values := strings.Fields(line[26:])
			limits[strings.TrimSpace(line[:26])] = values[0] + " " + values[1]
		}
	}
	return limits
}

// What a program may be is decided by whom it is for: the user's own access for
// a user, and for user 0 that nobody else can change it. Either way the failure
// says so, and names the stage.
func TestAProgramIsLookedUpAsTheServicesUser(t *testing.T) {
	c := startSystem(t).dial()
	dir := t.TempDir() // Below /tmp, and not for others to enter.
	for name, mode := range map[string]os.FileMode{"closed/prog": 0o755, "open/prog": 0o755, "mine/prog": 0o700} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/sh\necho "+name+"\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for path, mode := range map[string]os.FileMode{filepath.Dir(dir): 0o755, dir: 0o755, dir + "/closed": 0o700} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(dir+"/mine", 61234, 61235); err != nil {
		t.Fatal(err)
	}
	named := func(name, program, path string, uid uint32) generation.LaunchService {
		s := confined(name, "")
		s.Roles[0].Argv = []string{program}
		s.Layers = []generation.Layer{{Vars: []string{"PATH=" + path}}}
		s.Confinement.Identity = generation.Identity{UID: uid, GID: uid}
		return s
	}
	both := dir + "/closed:" + dir + "/open"
	in := c.install(
		named("a-user", "prog", both, 61234), named("b-root", "prog", both, 0),
		named("c-closed", dir+"/closed/prog", both, 61234), named("d-none", "nothing", dir+"/open", 61234),
		named("e-theirs", dir+"/mine/prog", both, 0),
	)
	want(t, "the user's", readAll(t, c.launch(in, "a-user").out), "open/prog\n")
	want(t, "root's without capabilities", readAll(t, c.launch(in, "b-root").out), "closed/prog\n")
	for name, problem := range map[string]string{
		"c-closed": "permission denied", "d-none": "cannot find program", "e-theirs": "belongs to user 61234",
	} {
		failed := c.fails(in, name)
		if failed.Stage != spec.StageExec || !strings.Contains(failed.Detail, problem) {
			t.Errorf("%s: %+v", name, failed)
		}
	}
}

// The environment of another user, or an env file of root's, reaches nobody by
// a link; what it holds is in no answer.
func TestAnEnvFileThatTheUserMayNotReadFailsTheLaunch(t *testing.T) {
	c := startSystem(t).dial()
	dir := fifo(t)
	secret := filepath.Join(t.TempDir(), "secret.env")
	if err := os.WriteFile(secret, []byte("TOKEN=hunter2\nnot an assignment\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(secret, link); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, 61234, 61235); err != nil {
		t.Fatal(err)
	}
	throughLink, itself := confined("link", "env"), confined("itself", "env")
	throughLink.Layers, itself.Layers = []generation.Layer{{File: link}}, []generation.Layer{{File: secret}}
	in := c.install(itself, throughLink)
	for name, problem := range map[string]string{"link": "permission denied", "itself": "secret.env:2"} {
		failed := c.fails(in, name)
		if failed.Stage != spec.StageEnv || !strings.Contains(failed.Detail, problem) || strings.Contains(failed.Detail, "hunter2") {
			t.Errorf("%s: %+v", name, failed)
		}
	}
}

// A directory is entered as the user.
func TestADirectoryThatTheUserMayNotEnterFailsTheLaunch(t *testing.T) {
	c := startSystem(t).dial()
	s := confined("s", "pwd")
	s.Dir = t.TempDir()
	if err := os.Chmod(s.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if failed := c.fails(c.install(s), "s"); failed.Stage != spec.StageChdir || failed.Errno != int(unix.EACCES) {
		t.Errorf("got %+v", failed)
	}
}
