//go:build e2e

package test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"systemg.org/sysg/pkg/cgroup"
)

// older and newer are the Debians that the tests boot, with the systemd that each
// has, 252 and 257, and in the virtual machine its kernel, 6.1 and 6.12.
const older, newer = "bookworm", "trixie"

// packages make up both: a small Debian.
var packages = []string{
	"systemd", "systemd-sysv", "dbus", "dbus-user-session", "libpam-systemd", "udev", "procps", "iproute2",
	"linux-image-cloud-amd64", "polkitd", "apparmor",
}

// TestUnderSystemd boots systemd in a container, as PID 1 on this machine's
// kernel, and runs container/inside.sh in it, whose PASS and FAIL lines become
// subtests. It needs root, debootstrap and systemd-nspawn.
func TestUnderSystemd(t *testing.T) {
	needsRoot(t)
	report(t, boot(t, debian(t), "--volatile=overlay", runs(t, "inside.sh")))
}

// needsRoot skips the test where that cannot be had.
func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("not root, which systemd-nspawn needs")
		}
		t.Skip("not root, which systemd-nspawn needs")
	}
}

// runs is the option by which the container runs a script.
func runs(t *testing.T, script string) string {
	return "--bind-ro=" + absolute(t, "container/"+script) + ":/opt/test-run"
}

// debian returns a tree of the container's files, made once and kept in the
// cache. Nothing is ever written to it: the container gets an overlay.
func debian(t *testing.T) string {
	t.Helper()
	return debianOf(t, older, packages...)
}

// debianOf returns one of a suite with systemd and more packages.
func debianOf(t *testing.T, suite string, packages ...string) string {
	t.Helper()
	cache := "/var/cache/sysg-test"
	if folder := os.Getenv("XDG_CACHE_HOME"); folder != "" {
		cache = filepath.Join(folder, "sysg-test")
	}
	tree := filepath.Join(cache, suite+"-"+sum(suite+" "+strings.Join(packages, " ")))
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	// Two runs of the tests at once share the work.
	lock, err := os.OpenFile(tree+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(tree); err == nil {
		return tree
	}
	t.Logf("making %s, which takes a minute", tree)
	building := tree + ".building"
	if err := os.RemoveAll(building); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("debootstrap", "--variant=minbase", "--include="+strings.Join(packages, ","), suite, building)
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("cannot make the container: %v\n%s", err, tail(output, 40))
	}
	if err := os.Rename(building, tree); err != nil {
		t.Fatal(err)
	}
	return tree
}

// sum is a short name for what something is made of.
func sum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

// boot runs the container until it powers itself off, and returns its console.
func boot(t *testing.T, tree string, options ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	return bootOf(ctx, t, nspawn(ctx, t, tree, bootOptions(t, options)...))
}

// bootOptions are those of a boot that runs a script.
func bootOptions(t *testing.T, options []string) []string {
	return append(options,
		"--console=read-only",
		"--bind-ro="+absolute(t, "container")+":/opt/test",
		"--bind-ro="+absolute(t, "container/sysg-test.service")+":/etc/systemd/system/sysg-test.service",
		"--boot", "systemd.wants=sysg-test.service", "systemd.show_status=no")
}

func bootOf(ctx context.Context, t *testing.T, command *exec.Cmd) []byte {
	t.Helper()
	var console bytes.Buffer
	command.Stdout, command.Stderr = &console, &console
	if err := command.Run(); err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = fmt.Errorf("it did not power off in time: %w", err)
		}
		t.Errorf("the container: %v", err)
	}
	return console.Bytes()
}

// nspawn is the command that boots the container, with all that is installed in
// it.
func nspawn(ctx context.Context, t *testing.T, tree string, options ...string) *exec.Cmd {
	t.Helper()
	var binds []string
	for source, place := range installed(t) {
		binds = append(binds, "--bind-ro="+source+":"+place)
	}
	return nspawnBare(ctx, t, tree, append(binds, options...)...)
}

// nspawnBare is nspawn without anything of ours. The container has a cgroup of its own: of two in one, both systemds would
// take it for theirs.
func nspawnBare(ctx context.Context, t *testing.T, tree string, options ...string) *exec.Cmd {
	t.Helper()
	home, name := ownCgroup(t)
	args := []string{
		"--quiet", "--directory=" + tree, "--register=no", "--keep-unit", "--machine=" + name, "--capability=all",
	}
	command := exec.CommandContext(ctx, "systemd-nspawn", append(args, options...)...)
	command.Env = append(os.Environ(), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1")
	command.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: home.FD()}
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 10 * time.Second
	return command
}

// ownCgroup makes a cgroup that goes with the test, and all that is in it.
func ownCgroup(t *testing.T) (home *cgroup.Dir, name string) {
	t.Helper()
	mount, err := cgroup.FindMount()
	if err != nil {
		t.Fatalf("a container needs cgroups: %v", err)
	}
	root, err := cgroup.Open(mount, "")
	if err != nil {
		t.Fatal(err)
	}
	name = fmt.Sprintf("sysg-test-%d-%d", os.Getpid(), containers.Add(1))
	if home, err = root.Make(name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := home.Write("cgroup.kill", "1")
		for end := time.Now().Add(patience); err == nil && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			var events cgroup.Events
			if events, err = home.Events(); !events.Populated {
				break
			}
		}
		if err := errors.Join(err, root.RemoveTree(name)); err != nil {
			t.Errorf("something of the container is left: %v", err)
		}
		home.Close()
		root.Close()
	})
	return home, name
}

var containers atomic.Int32

// installed is what make install installs, by where it comes from.
func installed(t *testing.T) map[string]string {
	t.Helper()
	places := map[string]string{
		filepath.Join(programs, "sysg"):                     "/usr/bin/sysg",
		filepath.Join(programs, "sysgd"):                    "/usr/bin/sysgd",
		filepath.Join(programs, "sysg-exec"):                "/usr/libexec/systemg/sysg-exec",
		absolute(t, "../systemd/system/systemg.sysusers"):   "/usr/lib/sysusers.d/systemg.conf",
		absolute(t, "../systemd/system/systemg.tmpfiles"):   "/usr/lib/tmpfiles.d/systemg.conf",
		absolute(t, "../systemd/system/org.systemg.policy"): "/usr/share/polkit-1/actions/org.systemg.policy",
	}
	for pattern, place := range map[string]string{
		"user/*": "/usr/lib/systemd/user/", "system/*.socket": "/usr/lib/systemd/system/", "system/*.service": "/usr/lib/systemd/system/",
	} {
		units, err := filepath.Glob("../systemd/" + pattern)
		if err != nil || len(units) == 0 {
			t.Fatalf("found the units %q, %v", units, err)
		}
		for _, unit := range units {
			places[absolute(t, unit)] = place + filepath.Base(unit)
		}
	}
	return places
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// forwarded is what the journal puts before a line on the console.
var forwarded = regexp.MustCompile(`^.*sysg-test\[\d+\]: `)

// report turns the lines "PASS name", "FAIL name: why" and "END" of the script
// into subtests. What the script prints besides is shown where a line fails.
func report(t *testing.T, console []byte) {
	t.Helper()
	ended, failed, passed := false, false, 0
	lines := bufio.NewScanner(bytes.NewReader(console))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		line = forwarded.ReplaceAllString(strings.TrimRight(line, "\r"), "")
		switch word, rest, _ := strings.Cut(line, " "); word {
		case "PASS":
			passed++
			t.Run(rest, func(*testing.T) {})
		case "FAIL":
			failed = true
			name, why, _ := strings.Cut(rest, ": ")
			t.Run(name, func(t *testing.T) { t.Error(why) })
		case "END":
			ended = true
		}
	}
	if !ended {
		t.Error("the script in the container did not come to its end")
	}
	if passed == 0 {
		t.Error("nothing passed")
	}
	if !ended || failed || passed == 0 {
		t.Logf("the console:\n%s", tail(console, 200))
	}
}

func tail(text []byte, count int) string {
	lines := strings.Split(string(text), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "\n")
}
