package confine

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/caps"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

const confinedEnv = "CONFINE_TEST_CONFINED"

// inView runs a script of the shell as a service that is confined by c, in a
// child of this test with the namespaces of the real clone. It is the service's
// user without capabilities then, as after the stages of the ids.
func inView(t *testing.T, c generation.Confinement, script string) (string, error) {
	t.Helper()
	requireRoot(t)
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestBecomeConfined$")
	child.Env = append(os.Environ(), confinedEnv+"="+string(text))
	child.Args = append(child.Args, script)
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaceFlags(&c) &^ unix.CLONE_NEWCGROUP}
	if c.User {
		groups := append([]uint32{c.Identity.GID}, c.Identity.Groups...)
		slices.Sort(groups)
		groups = slices.Compact(groups)
		child.SysProcAttr.UidMappings, child.SysProcAttr.GidMappings = mapped(c.Identity.UID), mapped(groups...)
		child.SysProcAttr.GidMappingsEnableSetgroups = true
		for number := range uintptr(64) {
			if caps.Known().Has(int(number)) {
				child.SysProcAttr.AmbientCaps = append(child.SysProcAttr.AmbientCaps, number)
			}
		}
	}
	out, err := child.CombinedOutput()
	return string(out), err
}

func mapped(ids ...uint32) (maps []syscall.SysProcIDMap) {
	for _, id := range ids {
		maps = append(maps, syscall.SysProcIDMap{ContainerID: int(id), HostID: int(id), Size: 1})
	}
	return maps
}

// sees is inView for a script that must succeed.
func sees(t *testing.T, c generation.Confinement, script string) string {
	t.Helper()
	out, err := inView(t, c, script)
	if err != nil {
		t.Fatalf("%s: %v: %s", script, err, out)
	}
	return strings.TrimSpace(out)
}

func requireRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("CI must run this as root")
	}
	t.Skip("only root can confine")
}

// TestBecomeConfined is the child.
func TestBecomeConfined(t *testing.T) {
	text := os.Getenv(confinedEnv)
	if text == "" {
		return
	}
	runtime.LockOSThread()
	var c generation.Confinement
	err := json.Unmarshal([]byte(text), &c)
	steps := slices.Concat(mountSteps(&c), networkSteps(&c), identitySteps(&c))
	steps = append(steps, Step{spec.StageNoNew, "", setNoNewPrivs})
	for _, step := range slices.Concat(steps, lsmSteps(&c), landlockSteps(&c)) {
		if err == nil {
			err = step.Do()
		}
	}
	if err == nil {
		err = unix.Exec("/bin/sh", []string{"sh", "-c", os.Args[len(os.Args)-1]}, []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin"})
	}
	fmt.Println(err)
	os.Exit(99)
}

// each runs a test as root, as another user, and as one in a user namespace.
func each(t *testing.T, test func(t *testing.T, c generation.Confinement)) {
	for name, c := range map[string]generation.Confinement{
		"root":                    {},
		"a user":                  {Identity: generation.Identity{UID: 4711, GID: 4711}},
		"a user in its namespace": {User: true, Identity: generation.Identity{UID: 4711, GID: 4711, Groups: []uint32{4712}}},
		"root in its namespace":   {User: true},
	} {
		t.Run(name, func(t *testing.T) { test(t, c) })
	}
}

func TestWithNothingAskedForEverythingIsAsOutside(t *testing.T) {
	if steps := mountSteps(&generation.Confinement{}); len(steps) > 0 {
		t.Errorf("steps: %v", steps)
	}
	if flags := namespaceFlags(&generation.Confinement{}); flags != 0 {
		t.Errorf("flags %#x", flags)
	}
}

func TestEachNamespaceIsItsOwnAndNoOther(t *testing.T) {
	for i, n := range namespaces {
		c := generation.Confinement{}
		*[]*bool{&c.User, &c.Mount, &c.PID, &c.Network, &c.IPC, &c.UTS, &c.Cgroup}[i] = true
		got := strings.Fields(sees(t, c, "cd /proc/self/ns; for n in user mnt pid net ipc uts cgroup; do readlink $n; done"))
		for j, other := range namespaces {
			mine, err := os.Readlink("/proc/self/ns/" + other.file)
			if err != nil {
				t.Fatal(err)
			}
			// A process namespace needs a /proc, and so a view, of its own.
			if want := i == j || n.file == "pid" && other.file == "mnt"; want == (got[j] == mine) {
				t.Errorf("with %s of its own its %s is %s, outside %s", n.file, other.file, got[j], mine)
			}
		}
	}
}

func TestAProcessNamespaceHasItsOwnProc(t *testing.T) {
	each(t, func(t *testing.T, c generation.Confinement) {
		c.PID = true
		if got := sees(t, c, "echo $$; echo /proc/[0-9]*"); got != "1\n/proc/1" {
			t.Errorf("it sees %q", got)
		}
	})
}

func TestItsOwnIDsAreItselfInAUserNamespace(t *testing.T) {
	c := generation.Confinement{User: true, Identity: generation.Identity{UID: 4711, GID: 4712, Groups: []uint32{4713, 4712}}}
	got := strings.Join(strings.Fields(sees(t, c, "cat /proc/self/uid_map /proc/self/gid_map; stat -c %u /; grep -c 'CapEff:.0*$' /proc/self/status")), " ")
	if want := "4711 4711 1 4712 4712 1 4713 4713 1 65534 1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestACgroupNamespaceBeginsAtItsOwnCgroup(t *testing.T) {
	got := sees(t, generation.Confinement{Cgroup: true, Mount: true}, "grep ^0: /proc/self/cgroup")
	if got != "0::/" {
		t.Errorf("it is in %q", got)
	}
}

func TestANetworkOfItsOwnHasLoopbackUp(t *testing.T) {
	each(t, func(t *testing.T, c generation.Confinement) {
		c.Network, c.Mount = true, true
		if got := sees(t, c, "cut -d: -f1 /proc/self/net/dev | tail -n +3; grep -o 127.0.0.1 /proc/self/net/fib_trie | sort -u"); got != "lo\n127.0.0.1" {
			t.Errorf("its network is %q", got)
		}
	})
}

func TestPrivateTmpIsEmptyAndItsOwn(t *testing.T) {
	each(t, func(t *testing.T, c generation.Confinement) {
		mark, err := os.MkdirTemp("/tmp", "sysg")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Remove(mark) })
		c.PrivateTmp = true
		got := sees(t, c, "ls -A /tmp /var/tmp | grep -v : ; touch /tmp/mine-of-sysg && stat -c '%a %n' /tmp /var/tmp")
		if want := "1777 /tmp\n1777 /var/tmp"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if _, err := os.Stat("/tmp/mine-of-sysg"); err == nil {
			t.Error("what it wrote there is seen outside")
		}
	})
}

func TestPrivateDevicesAreTheHarmlessOnes(t *testing.T) {
	each(t, func(t *testing.T, c generation.Confinement) {
		c.PrivateDevices = true
		got := strings.Join(strings.Fields(sees(t, c, `cd /dev; ls -A | grep -v log
			echo gone >null && head -c1 zero | wc -c && head -c1 urandom | wc -c && touch shm/x && echo held`)), " ")
		if want := "fd full null ptmx pts random shm stderr stdin stdout tty urandom zero 1 1 held"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if out, err := inView(t, c, "touch /dev/new 2>&1"); err == nil || !strings.Contains(out, "Read-only") {
			t.Errorf("it made a file there: %v: %s", err, out)
		}
		if _, err := inView(t, c, "mknod /dev/shm/mem c 1 1 && head -c1 /dev/shm/mem"); err == nil {
			t.Error("it made a device that works")
		}
	})
}

func TestProtectSystemTrue(t *testing.T) {
	each(t, func(t *testing.T, c generation.Confinement) {
		c.ProtectSystem = generation.ProtectUsr
		for _, dir := range []string{"/usr", "/etc"} {
			if out, err := inView(t, c, "mkdir "+dir+"/of-sysg 2>&1 && rmdir "+dir+"/of-sysg"); err == nil {
				t.Errorf("it wrote to %s: %s", dir, out)
			} else if c.Identity.UID == 0 && !strings.Contains(out, "Read-only") {
				t.Errorf("%s is refused for another reason: %s", dir, out)
			}
		}
		sees(t, c, "touch /tmp/$$ && rm /tmp/$$")
	})
}

// tree is a directory that every user may write to, with a, a/b and a/b/c.
func tree(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "sysg-view")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.MkdirAll(filepath.Join(dir, "a/b/c"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a/file"), []byte("content"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "a", "a/b", "a/b/c", "a/file"} {
		if err := os.Chmod(filepath.Join(dir, path), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// writable says which of the tree's directories it can make files in.
const writable = `for d in . a a/b a/b/c; do (touch $d/new && rm $d/new && echo $d) 2>/dev/null; done; exit 0`

func TestTheNearestRuleHolds(t *testing.T) {
	dir := tree(t)
	at := func(path string) []string { return []string{filepath.Join(dir, path)} }
	for name, test := range map[string]struct {
		edit func(*generation.Confinement)
		want string
	}{
		"strict":                    {func(c *generation.Confinement) { c.ProtectSystem = generation.ProtectStrict }, ""},
		"strict but one":            {func(c *generation.Confinement) { c.ProtectSystem, c.ReadWrite = generation.ProtectStrict, at("a/b") }, "a/b a/b/c"},
		"one is read-only":          {func(c *generation.Confinement) { c.ReadOnly = at("a") }, "."},
		"read-only, writable below": {func(c *generation.Confinement) { c.ReadOnly, c.ReadWrite = at("a"), at("a/b") }, ". a/b a/b/c"},
		"writable in strict, read-only below": {func(c *generation.Confinement) {
			c.ProtectSystem, c.ReadWrite, c.ReadOnly = generation.ProtectStrict, at("."), at("a/b")
		}, ". a"},
		"the stricter of two":    {func(c *generation.Confinement) { c.ReadOnly, c.ReadWrite = at("a/b"), at("a/b") }, ". a"},
		"inaccessible":           {func(c *generation.Confinement) { c.Inaccessible = at("a") }, "."},
		"inaccessible beats all": {func(c *generation.Confinement) { c.Inaccessible, c.ReadWrite = at("a/b"), at("a/b") }, ". a"},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, c generation.Confinement) {
				test.edit(&c)
				if got := strings.Join(strings.Fields(sees(t, c, "cd "+dir+";"+writable)), " "); got != test.want {
					t.Errorf("it can write to %q, want %q", got, test.want)
				}
			})
		})
	}
}

func TestInaccessibleIsNothing(t *testing.T) {
	dir := tree(t)
	each(t, func(t *testing.T, c generation.Confinement) {
		c.Inaccessible = []string{filepath.Join(dir, "a/b"), filepath.Join(dir, "a/file")}
		out := sees(t, c, "cd "+dir+"/a; ls -A b; cat file; chmod 777 b; touch b/new; exit 0")
		for _, line := range strings.Split(out, "\n") {
			if line == "c" || strings.Contains(line, "content") {
				t.Errorf("it sees %q", out)
			}
		}
		if strings.Count(out, "enied")+strings.Count(out, "Read-only") < 2 {
			t.Errorf("it was told only %q", out)
		}
	})
}

func TestARuleHoldsForMountsBelow(t *testing.T) {
	c := generation.Confinement{ProtectSystem: generation.ProtectStrict, ReadWrite: []string{"/dev/shm"}}
	got := strings.Fields(sees(t, c, `while read -r _ _ _ _ at options _; do
		case "$at" in /dev|/dev/*|/proc|/proc/*|/sys|/sys/*) continue ;; esac
		case "$options" in ro|ro,*) ;; *) echo "$at" ;; esac; done </proc/self/mountinfo`))
	if len(got) > 0 {
		t.Errorf("still writable: %v", got)
	}
	sees(t, c, "touch /dev/shm/$$ && rm /dev/shm/$$")
}

func TestWhatWasReadOnlyStaysSo(t *testing.T) {
	dir := tree(t)
	script := fmt.Sprintf(`mount -t tmpfs -o ro none %[1]s/a/b && exec "$@"`, dir)
	requireRoot(t)
	c := generation.Confinement{ProtectSystem: generation.ProtectStrict, ReadWrite: []string{dir}}
	text, _ := json.Marshal(c)
	child := exec.Command("unshare", "-m", "sh", "-c", script, "sh", "unshare", "-m", os.Args[0], "-test.run=^TestBecomeConfined$", "cd "+dir+";"+writable)
	child.Env = append(os.Environ(), confinedEnv+"="+string(text))
	out, err := child.CombinedOutput()
	if got := strings.Join(strings.Fields(string(out)), " "); err != nil || got != ". a" {
		t.Errorf("%v: it can write to %q", err, got)
	}
}

func TestAPathThatIsNotThereIsNamed(t *testing.T) {
	for key, c := range map[string]generation.Confinement{
		"read_only_paths":    {ReadOnly: []string{"/no/such"}},
		"read_write_paths":   {ReadWrite: []string{"/no/such"}},
		"inaccessible_paths": {Inaccessible: []string{"/no/such"}},
	} {
		out, err := inView(t, c, "true")
		if err == nil || !strings.Contains(out, "isolation."+key) || !strings.Contains(out, "/no/such") {
			t.Errorf("%s: %v: %s", key, err, out)
		}
	}
}

func TestMountsComeAndGoThroughNeitherWay(t *testing.T) {
	requireRoot(t)
	text, _ := json.Marshal(generation.Confinement{Mount: true})
	// The shell stays outside, with the mounts that it shares.
	child := exec.Command("unshare", "-m", "--propagation", "shared", "sh", "-c", `unshare -m --propagation unchanged "$@"; exit $?`, "sh",
		os.Args[0], "-test.run=^TestBecomeConfined$", "! grep 'shared:\\|master:' /proc/self/mountinfo")
	child.Env = append(os.Environ(), confinedEnv+"="+string(text))
	if out, err := child.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
