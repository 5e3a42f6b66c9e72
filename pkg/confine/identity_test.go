package confine

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/caps"
	"systemg.org/sysg/pkg/cgroup"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/sys"
)

const identifiedEnv = "CONFINE_TEST_IDENTIFIED"

// TestBecomeIdentified is a child of the tests below: it takes the steps of an
// identity, and becomes a program that tells what it is.
func TestBecomeIdentified(t *testing.T) {
	text := os.Getenv(identifiedEnv)
	if text == "" {
		return
	}
	runtime.LockOSThread()
	var c generation.Confinement
	err := json.Unmarshal([]byte(text), &c)
	for _, step := range identitySteps(&c) {
		if err == nil {
			err = step.Do()
		}
	}
	if err == nil {
		err = unix.Exec("/bin/cat", []string{"cat", "/proc/self/status"}, nil)
	}
	fmt.Print("failed: ", err)
	os.Exit(0)
}

func identified(t *testing.T, c generation.Confinement) string {
	t.Helper()
	requireRoot(t)
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestBecomeIdentified$")
	child.Env = []string{identifiedEnv + "=" + string(text)}
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func TestAProgramHasExactlyItsUserGroupsAndCapabilities(t *testing.T) {
	bind, kill := uint64(1)<<unix.CAP_NET_BIND_SERVICE, uint64(1)<<unix.CAP_KILL
	groups := []uint32{0, 4, 1 << 30}
	for _, c := range []generation.Confinement{
		{Identity: generation.Identity{UID: 1234, GID: 5678}},
		{Identity: generation.Identity{UID: 1234, GID: 5678, Groups: groups}, Capabilities: bind},
		{Identity: generation.Identity{UID: 4294967294, GID: 0, Groups: groups[:1]}, Capabilities: bind | kill},
		{Identity: generation.Identity{UID: 0, GID: 0}},
		{Identity: generation.Identity{UID: 0, GID: 1, Groups: groups}},
		{Identity: generation.Identity{UID: 0, GID: 0, Groups: groups[1:]}, Capabilities: kill},
		{Identity: generation.Identity{UID: 1, GID: 1}, Capabilities: 1 << unix.CAP_SETPCAP},
	} {
		s, err := sys.ParseProcStatus(identified(t, c))
		if err != nil {
			t.Error(err)
			continue
		}
		id := &c.Identity
		if s.UIDs != [4]uint32{id.UID, id.UID, id.UID, id.UID} || s.GIDs != [4]uint32{id.GID, id.GID, id.GID, id.GID} || !slices.Equal(s.Groups, id.Groups) {
			t.Errorf("%+v runs as %+v", c.Identity, s)
		}
		for name, set := range map[string]uint64{
			"permitted": s.CapPermitted, "effective": s.CapEffective, "inheritable": s.CapInheritable, "bounding": s.CapBounding, "ambient": s.CapAmbient,
		} {
			if set != c.Capabilities {
				t.Errorf("user %d: %s is %s, not %s", id.UID, name, caps.Set(set), caps.Set(c.Capabilities))
			}
		}
	}
}

// What sysg-exec may not do itself it cannot grant, and says which key wanted it.
func TestACapabilityThatIsNotThereIsRefusedByItsKey(t *testing.T) {
	own, err := caps.Own()
	if err != nil {
		t.Fatal(err)
	}
	for n := range 64 {
		if own.Bounding.Has(n) {
			continue
		}
		text := identified(t, generation.Confinement{Identity: generation.Identity{UID: 1, GID: 1}, Capabilities: 1 << n})
		if !strings.HasPrefix(text, "failed: capabilities: cannot keep "+caps.Name(n)) {
			t.Errorf("%s: %.200s", caps.Name(n), text)
		}
		break
	}
}

func TestIdentityStepsSayWhatTheyDo(t *testing.T) {
	var text strings.Builder
	for _, step := range identitySteps(&generation.Confinement{
		Identity: generation.Identity{Name: "web", UID: 33, GID: 34, Groups: []uint32{4, 5}}, Capabilities: 1 << unix.CAP_NET_BIND_SERVICE,
	}) {
		fmt.Fprintf(&text, "%s: %s\n", step.Stage, step.Does)
	}
	for _, step := range identitySteps(&generation.Confinement{}) {
		fmt.Fprintf(&text, "%s: %s\n", step.Stage, step.Does)
	}
	const want = `caps: bounding set: CAP_NET_BIND_SERVICE
ids: user 33 (web), group 34, supplementary groups 4 5
capset: permitted, inheritable, effective, ambient: CAP_NET_BIND_SERVICE
caps: bounding set: none, and none for user 0
ids: user 0, group 0, supplementary groups none
capset: permitted, inheritable, effective, ambient: none
`
	if text.String() != want {
		t.Errorf("got\n%s\nwant\n%s", text.String(), want)
	}
}

// The thread does for the user what only the user may do, and is itself again.
func TestAsUserHasTheUsersAccessAndComesBack(t *testing.T) {
	requireRoot(t)
	runtime.LockOSThread() // Not unlocked: the thread ends with this test.
	dir := t.TempDir()
	secret := dir + "/secret"
	if err := os.WriteFile(secret, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := unix.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	id := &generation.Identity{UID: 1234, GID: 5678, Groups: []uint32{91, 92}}
	err = AsUser(id, func() error {
		_, err := os.ReadFile(secret)
		groups, _ := unix.Getgroups()
		uid, gid := fsIDs()
		if uid != 1234 || gid != 5678 || !sameGroups(groups, id.Groups) {
			t.Errorf("it is %d, %d, %v", uid, gid, groups)
		}
		return err
	})
	if !os.IsPermission(err) {
		t.Errorf("the user reads root's file: %v", err)
	}
	if _, err := os.ReadFile(secret); err != nil {
		t.Errorf("root does not any more: %v", err)
	}
	after, _ := unix.Getgroups()
	uid, gid := fsIDs()
	if !slices.Equal(before, after) || uid != 0 || gid != uint32(os.Getegid()) {
		t.Errorf("it came back as %d, %d, %v", uid, gid, after)
	}
}

// verify is asked of processes that differ from what was wanted in one thing.
func TestVerifyNamesWhatIsNotAsItWasToBe(t *testing.T) {
	requireRoot(t)
	id := generation.Identity{UID: 1234, GID: 5678, Groups: []uint32{91}}
	good := sys.ProcStatus{UIDs: [4]uint32{1234, 1234, 1234, 1234}, GIDs: [4]uint32{5678, 5678, 5678, 5678}, Groups: []uint32{91}, NoNewPrivs: true}
	if err := verified(&good, &id); err != nil {
		t.Errorf("what is right: %v", err)
	}
	for want, edit := range map[string]func(*sys.ProcStatus){
		"user: it runs as [1234 1234 0 1234]":   func(s *sys.ProcStatus) { s.UIDs[2] = 0 },
		"user: it runs as [1234 1234 1234 0]":   func(s *sys.ProcStatus) { s.UIDs[3] = 0 },
		"group: it runs as [5678 0 5678 5678]":  func(s *sys.ProcStatus) { s.GIDs[1] = 0 },
		"supplementary_groups: it has [], not":  func(s *sys.ProcStatus) { s.Groups = nil },
		"supplementary_groups: it has [0 91]":   func(s *sys.ProcStatus) { s.Groups = []uint32{0, 91} },
		"no_new_privileges: it is not set":      func(s *sys.ProcStatus) { s.NoNewPrivs = false },
		"capabilities: it has permitted none":   func(s *sys.ProcStatus) { s.CapBounding = 1 },
		"effective CAP_CHOWN, inheritable none": func(s *sys.ProcStatus) { s.CapEffective = 1 },
		"ambient CAP_CHOWN":                     func(s *sys.ProcStatus) { s.CapAmbient = 1 },
		"inheritable CAP_CHOWN":                 func(s *sys.ProcStatus) { s.CapInheritable = 1 },
		"permitted CAP_CHOWN":                   func(s *sys.ProcStatus) { s.CapPermitted = 1 },
	} {
		s := good
		edit(&s)
		if err := verified(&s, &id); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if err := verify(os.Getpid(), &id); err == nil {
		t.Error("this test passes for user 1234")
	}
}

// From a thread that is bare it takes no stage.
func TestASimpleServiceIsLaunchedDirectly(t *testing.T) {
	bare := func(do func()) error {
		done := make(chan error)
		go func() { // Its thread ends with it.
			runtime.LockOSThread()
			err := Bare()
			do()
			done <- err
		}()
		return <-done
	}
	for _, uid := range []uint32{1234, 0} {
		t.Run(fmt.Sprint(uid), func(t *testing.T) {
			id := generation.Identity{UID: uid, GID: 5678, Groups: []uint32{91, 92}}
			started, leaf, err := startIn(t, id, bare)
			if err != nil || started.StatusFD != -1 {
				t.Fatalf("got %+v, %v", started, err)
			}
			if err := verify(started.PID, &id); err != nil {
				t.Error(err)
			}
			if procs, err := leaf.Procs(); err != nil || !slices.Equal(procs, []int{started.PID}) {
				t.Errorf("in its cgroup are %v: %v", procs, err)
			}
		})
	}
}

// A thread that was to be bare and is not gives its children too much. Nobody
// but the reader of /proc finds out.
func TestADirectLaunchThatIsNotWhatItWasToBeIsEnded(t *testing.T) {
	id := generation.Identity{UID: 1234, GID: 5678}
	started, leaf, err := startIn(t, id, func(do func()) error { do(); return nil })
	if err == nil || !strings.Contains(err.Error(), "no_new_privileges: it is not set") || started.PID != 0 {
		t.Errorf("got %+v, %v", started, err)
	}
	if procs, err := leaf.Procs(); err != nil || len(procs) > 0 {
		t.Errorf("it still runs: %v, %v", procs, err)
	}
}

func startIn(t *testing.T, id generation.Identity, bare func(do func()) error) (Started, *cgroup.Dir, error) {
	t.Helper()
	requireRoot(t)
	leaf := ownLeaf(t)
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(null) })
	l := Launch{Argv: []string{"/bin/sleep", "600"}, Dir: "/", Umask: HelperUmask, NoNewPrivs: true, Confinement: &generation.Confinement{Identity: id}}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	started, err := Start(l, Place{StdinFD: null, StdoutFD: null, StderrFD: null, CgroupFD: leaf.FD(), Bare: bare})
	if err == nil {
		t.Cleanup(func() { reap(started) })
	}
	return started, leaf, err
}

// ownLeaf is a cgroup below our own.
func ownLeaf(t *testing.T) *cgroup.Dir {
	t.Helper()
	mount, err := cgroup.FindMount()
	if err != nil {
		t.Fatal(err)
	}
	path, err := cgroup.Own()
	if err != nil {
		t.Fatal(err)
	}
	below, _ := mount.Below(path)
	own, err := cgroup.Open(mount, below)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("confine-test-%d", os.Getpid())
	leaf, err := own.Ensure(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = own.RemoveTree(name)
		leaf.Close()
		own.Close()
	})
	return leaf
}
