//go:build e2e

package test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"systemg.org/sysg/pkg/paths"
)

// programs is the folder of the built programs, which other users may read.
var programs string

// inside says that we run in a container, to run one script there.
var inside bool

func TestMain(m *testing.M) {
	if mode := os.Getenv("SYSG_TEST_HELPER"); mode == "inside" {
		os.Unsetenv("SYSG_TEST_HELPER")
		inside, programs = true, insidePrograms
		os.Exit(m.Run())
	} else if mode != "" {
		os.Exit(helper(mode, os.Args[1:]))
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	folder, err := os.MkdirTemp("", "sysg-bin-")
	if err == nil {
		err = errors.Join(os.Chmod(folder, 0o755), copySelf(folder))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	programs = folder
	shop := exec.Command("go", "build", "-trimpath", "-o", folder+"/", "systemg.org/sysg/examples/shop")
	shop.Env = append(os.Environ(), "CGO_ENABLED=0")
	// The programs are tested as they ship.
	for _, build := range []*exec.Cmd{exec.Command("../packaging/compile", folder), shop} {
		if output, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "cannot build the programs: %v\n%s", err, output)
			return 1
		}
	}
	if err := buildOther(folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// buildOther builds a supervisor of another version, as old/sysgd.
func buildOther(folder string) error {
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-X systemg.org/sysg/pkg/version.release=0.0.1",
		"-o", filepath.Join(folder, "old", "sysgd"), "systemg.org/sysg/cmd/sysgd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build another version of sysgd: %w\n%s", err, output)
	}
	return nil
}

// scriptPatience bounds a script, so that a command that hangs is a failure with a
// log, and not the end of everything. Most take a second.
const scriptPatience = time.Minute

// TestScripts runs every script once in each of its modes.
func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob("scripts/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	byMode := map[mode][]string{}
	for _, script := range scripts {
		for _, m := range scriptModes(t, script) {
			byMode[m] = append(byMode[m], script)
		}
	}
	for _, m := range modes {
		t.Run(string(m), func(t *testing.T) {
			run := func(t *testing.T, script string) { runScript(t, script, m) }
			if m == asUser && os.Geteuid() != 0 {
				t.Skip("not root: the scripts run as an unprivileged user anyway")
			}
			if m == asSystem && !inside {
				needsRoot(t)
				run = newPool(t).run
			}
			for _, script := range byMode[m] {
				t.Run(strings.TrimSuffix(filepath.Base(script), ".txt"), func(t *testing.T) {
					t.Parallel()
					run(t, script)
				})
			}
		})
	}
}

// runScript runs one script as the test t.
func runScript(t *testing.T, script string, m mode) {
	root, err := os.MkdirTemp(scratch(m), "sw") // short, like home
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	testscript.RunT(alone{t}, testscript.Params{
		Files:               []string{script},
		WorkdirRoot:         root,
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup:               func(env *testscript.Env) error { return newInstance(env, m) },
		Cmds:                commands,
		Condition:           condition,
		Deadline:            time.Now().Add(scriptPatience),
	})
}

// alone is what testscript takes for the test of all its scripts: the one script
// is that test. A test of ours for each of them lets its limit begin with it.
type alone struct{ *testing.T }

func (a alone) Run(_ string, f func(testscript.T)) { f(a) }
func (a alone) Parallel()                          {}
func (a alone) Verbose() bool                      { return testing.Verbose() }

// scriptModes reads the "# modes:" line of a script. What runs in a cgroup runs
// in the system's instance as well, unless the script says why not.
func scriptModes(t *testing.T, script string) []mode {
	t.Helper()
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	if !strings.HasPrefix(first, "# ") {
		t.Errorf("%s: the first line does not say what the script holds", script)
	}
	found := []mode{inCgroup}
	for line := range strings.Lines(string(text)) {
		if names, ok := strings.CutPrefix(line, "# modes: "); ok {
			found = nil
			for _, name := range strings.Fields(names) {
				if !slices.Contains(modes, mode(name)) {
					t.Errorf("%s: unknown mode %q", script, name)
				}
				found = append(found, mode(name))
			}
		}
	}
	if _, why, otherwise := strings.Cut(string(text), "\n# not in system: "); otherwise != (why != "") {
		t.Errorf("%s: it does not say why it is not in system", script)
	} else if !otherwise && slices.Contains(found, inCgroup) {
		found = append(found, asSystem)
	}
	return found
}

// condition answers [root], [journald], [systemd], which starts the daemons, and
// [exits] in a script.
func condition(name string) (bool, error) {
	switch name {
	case "root":
		return os.Geteuid() == 0, nil
	case "systemd":
		return inside, nil
	case "journald":
		_, err := os.Stat(paths.JournalSocket)
		return err == nil, nil
	case "exits":
		return kernelTellsExits()
	}
	return false, fmt.Errorf("unknown condition %q", name)
}
