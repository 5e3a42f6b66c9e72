package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestALimitIsKnownByItsKey(t *testing.T) {
	for file, want := range map[string]string{
		"memory.max": "limits.cgroup.memory_max", "memory.swap.max": "limits.cgroup.memory_swap_max",
		"cpuset.cpus": "limits.cgroup.cpuset", "io.max": "limits.cgroup.io_max", "pids.max": "limits.cgroup.pids_max",
	} {
		if got := (Write{File: file}).Key(); got != want {
			t.Errorf("the key of %s is %s, want %s", file, got, want)
		}
	}
}

func TestEachControllerIsEnabledOnce(t *testing.T) {
	writes := []Write{{"memory.max", "1"}, {"memory.high", "1"}, {"cpuset.cpus", "0"}, {"pids.max", "1"}}
	if got := Controllers(writes); !slices.Equal(got, []string{"memory", "cpuset", "pids"}) {
		t.Errorf("controllers are %q", got)
	}
	if got := KeyFor("cpuset", writes); got != "limits.cgroup.cpuset" {
		t.Errorf("cpuset is for %s", got)
	}
}

func TestListsOfCPUs(t *testing.T) {
	for text, want := range map[string][]int{
		"": nil, "0": {0}, "0-3,8": {0, 1, 2, 3, 8}, "1, 3": {1, 3},
	} {
		if got, err := ParseCPUs(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"x", "3-1", "-", "1-", "8192", "0-99999999", "-1"} {
		if got, err := ParseCPUs(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestMemoryEvents(t *testing.T) {
	got, err := ParseMemoryEvents("low 0\nhigh 0\nmax 71\noom 2\noom_kill 3\noom_group_kill 0\n")
	if err != nil || got != (MemoryEvents{OOM: 2, Kills: 3}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := ParseMemoryEvents("oom_kill many\n"); err == nil {
		t.Error("a count that is no number was read")
	}
}

// Where the kernel has the controllers, limits are what is read back; where it
// has not, as on machines that bind them to version 1, the refusal says so.
func TestLimitsAreWrittenOrRefused(t *testing.T) {
	base := testBase(t)
	above, err := base.openAt("..", "")
	if err != nil {
		t.Fatal(err)
	}
	defer above.Close()
	available, err := above.Available()
	if err != nil {
		t.Fatal(err)
	}
	writes := []Write{{"memory.max", "33554432"}, {"pids.max", "7"}, {"cpu.max", "20000 100000"}, {"cpuset.cpus", "0"}}
	err = above.Enable(Controllers(writes))
	if err == nil {
		err = base.Enable(Controllers(writes))
	}
	if !slices.Contains(available, "memory") {
		var lacking *ControllerError
		if !errors.As(err, &lacking) || lacking.Controller != "memory" || !strings.Contains(err.Error(), "it does not have it") {
			t.Fatalf("a controller that is not there gives %v", err)
		}
		return
	}
	if own, _ := Own(); own != "/" {
		if !errors.Is(err, unix.EBUSY) {
			t.Fatalf("a cgroup with processes of its own gives %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := base.Make("leaf")
	if err != nil {
		t.Fatal(err)
	}
	defer leaf.Close()
	if err := leaf.Limit(writes); err != nil {
		t.Fatal(err)
	}
	for _, w := range writes {
		if got, err := leaf.read(w.File); err != nil || strings.TrimSpace(got) != w.Value {
			t.Errorf("%s is %q, %v", w.File, got, err)
		}
	}
	if limit, err := leaf.MemoryMax(); err != nil || limit != 32<<20 {
		t.Errorf("the limit is %d, %v", limit, err)
	}
	for _, w := range []Write{{"cpuset.cpus", "0-8000"}, {"io.max", "251:77 rbps=1"}, {"memory.max", "much"}} {
		if err := leaf.Limit([]Write{w}); err == nil || !strings.HasPrefix(err.Error(), w.Key()+": ") {
			t.Errorf("%s gives %v", w, err)
		}
	}
}

func TestAPlainDirectoryShowsWhatWouldBeWritten(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 { // The second time it is not empty, but ours.
		plain, err := OpenPlain(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := plain.Rehearse([]string{"p-shop", "s-api"}, []Write{{"memory.max", "4096"}}); err != nil {
			t.Fatal(err)
		}
		plain.Close()
	}
	if text, err := os.ReadFile(filepath.Join(dir, "p-shop/s-api/memory.max")); err != nil || string(text) != "4096\n" {
		t.Errorf("memory.max is %q, %v", text, err)
	}
}

func TestAPlainDirectoryOfOthersIsRefused(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "precious")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	open := t.TempDir()
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"not empty": dir, "writable by others": open, "a link": link, "a file": file} {
		if plain, err := OpenPlain(path); err == nil {
			plain.Close()
			t.Errorf("%s: it was taken", name)
		}
	}
	mount, err := FindMount()
	if err == nil {
		if _, err := OpenPlain(mount.Point); !errors.Is(err, ErrNotPlain) {
			t.Errorf("a cgroup gives %v", err)
		}
	}
}
