package main

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/cgroup"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// tree is the mount and our own cgroup's directory in it.
func ownTree(t *testing.T) (mount cgroup.Mount, own *cgroup.Dir) {
	t.Helper()
	mount, err := cgroup.FindMount()
	if err != nil {
		t.Fatal(err)
	}
	at, err := cgroup.Own()
	if err != nil {
		t.Fatal(err)
	}
	below, _ := mount.Below(at)
	if own, err = cgroup.Open(mount, below); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(own.Close)
	return mount, own
}

func limited(name string, files ...generation.CgroupFile) generation.LaunchService {
	s := service(name, "exec sleep 60")
	s.Cgroup = &generation.Cgroup{Files: files}
	return s
}

// The virtual machine runs this with the controllers, most others without.
func TestLimitsAreSetBeforeAnythingRuns(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	in := c.install(limited("bound", generation.CgroupFile{Name: "pids.max", Value: "7"}, generation.CgroupFile{Name: "cpu.weight", Value: "300"}))
	mount, own := ownTree(t)
	available, err := own.Available()
	if err != nil {
		t.Fatal(err)
	}
	// Other cgroups than the root of all cannot give them on and have us.
	if !slices.Contains(available, "pids") || own.Path() != "" {
		failed := c.fails(in, "bound")
		if failed.Stage != spec.StageCgroup || !strings.HasPrefix(failed.Detail, "limits.cgroup.pids_max: ") {
			t.Errorf("failed with %+v", failed)
		}
		c.settled(t)
		return
	}
	p := c.launch(in, "bound")
	leaf := path.Join(mount.Point, p.cgroup)
	for file, want := range map[string]string{"pids.max": "7", "cpu.weight": "300", "../cpu.weight": "300"} {
		if text, err := os.ReadFile(filepath.Join(leaf, file)); err != nil || strings.TrimSpace(string(text)) != want {
			t.Errorf("%s is %q, %v", file, text, err)
		}
	}
}

// settled fails if an incarnation is left.
func (c *client) settled(t *testing.T) {
	t.Helper()
	if left := c.list(); len(left) > 0 {
		t.Errorf("left: %+v", left)
	}
}

func TestWithoutCgroupsALimitRefusesItsService(t *testing.T) {
	i := startHelper(t, "--containment", "session")
	c := i.dial()
	in := c.install(limited("bound", generation.CgroupFile{Name: "memory.max", Value: "4096"}))
	failed := c.fails(in, "bound")
	if failed.Stage != spec.StageCgroup || !strings.HasPrefix(failed.Detail, "limits.cgroup.memory_max: ") {
		t.Errorf("failed with %+v", failed)
	}
}

func TestARootMovesTheCgroup(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	mount, own := ownTree(t)
	s := service("moved", "exec sleep 60")
	base := c.launch(c.install(s), "moved").cgroup
	base = path.Dir(path.Dir(path.Dir(base)))
	s.Cgroup = &generation.Cgroup{Root: path.Join(mount.Point, base, "tenants", "one")}
	p := c.launch(c.install(s), "moved")
	if want := path.Join(base, "tenants/one/p-test/s-moved", "run-"+p.id); p.cgroup != want {
		t.Errorf("it runs in %q, want %q", p.cgroup, want)
	}
	if at, err := cgroup.Of(p.pid); err != nil || !strings.HasSuffix(at, p.cgroup) {
		t.Errorf("the kernel has it in %q, %v", at, err)
	}
	// A later helper finds it there, and what is in no record it ends.
	c.close()
	i.kill9()
	i.start()
	c = i.dial()
	found := 0
	for _, p := range c.list() {
		if strings.Contains(p.Listed.Record.Cgroup, "tenants/one") {
			found++
		}
	}
	if found != 1 {
		t.Errorf("a later helper found %d", found)
	}
	for _, root := range []string{
		path.Join(mount.Point, own.Path()), path.Join(mount.Point, own.Path(), "elsewhere"), mount.Point, path.Join(mount.Point, base),
		path.Join(mount.Point, base, "p-test"), path.Join(mount.Point, base, "holder"), path.Join(mount.Point, base, "a/b/c/d/e"), "/etc", "/proc",
	} {
		s.Cgroup = &generation.Cgroup{Root: root}
		failed := c.fails(c.install(s), "moved")
		if failed.Stage != spec.StageCgroup || !strings.HasPrefix(failed.Detail, rootKey+": ") {
			t.Errorf("%s: failed with %+v", root, failed)
		}
	}
}

func TestAPlainRootIsReportedAsMissing(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	root := filepath.Join(t.TempDir(), "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	s := limited("bound", generation.CgroupFile{Name: "memory.max", Value: "4096"})
	s.Cgroup.Root = root
	l := request(c.install(s), "bound")
	c.ask(spec.Request{Launch: &l})
	p := c.answer()
	if p.Launched == nil || !slices.Equal(p.Launched.Missing, []string{rootKey}) {
		t.Fatalf("answered by %+v %+v", p.Launched, p.Failed)
	}
	if text, err := os.ReadFile(filepath.Join(root, "p-test/s-bound/memory.max")); err != nil || string(text) != "4096\n" {
		t.Errorf("memory.max is %q, %v", text, err)
	}
}
