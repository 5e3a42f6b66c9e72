//go:build e2e && packages

package test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestPackages installs what packaging/build makes, in a container with systemd,
// and does what an administrator does with it; see container/packages.sh.
func TestPackages(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("not root, which systemd-nspawn needs")
		}
		t.Skip("not root, which systemd-nspawn needs")
	}
	built := buildPackages(t)
	for _, test := range []struct{ name, suite, format string }{
		{"deb on systemd 252", "bookworm", "deb"},
		{"deb on systemd 257", "trixie", "deb"},
		{"rpm", "bookworm", "rpm"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			report(t, bootPackages(t, test.suite, filepath.Join(built, test.format)))
		})
	}
}

// buildPackages builds two versions of the packages, and holds that the same
// commit gives the same bytes.
func buildPackages(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	build := func(version string) map[string][]byte {
		command := exec.Command("../packaging/build", "amd64")
		command.Env = append(os.Environ(), "VERSION=0.0."+version, "SOURCE_DATE_EPOCH=1700000000", "OUT="+filepath.Join(folder, "out"))
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("cannot build packages: %v\n%s", err, tail(output, 30))
		}
		made := map[string][]byte{}
		for _, format := range []string{"deb", "rpm"} {
			found, err := filepath.Glob(filepath.Join(folder, "out", "*."+format))
			if err != nil || len(found) != 1 {
				t.Fatal(found, err)
			}
			text, err := os.ReadFile(found[0])
			if err != nil {
				t.Fatal(err)
			}
			made[format] = text
		}
		return made
	}
	for _, version := range []string{"1", "2"} {
		for format, text := range build(version) {
			if err := os.MkdirAll(filepath.Join(folder, format), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, format, "sysg-"+version+"."+format), text, 0o644); err != nil {
				t.Fatal(err)
			}
			if len(text) > 6<<20 {
				t.Errorf("the %s has %d bytes, over 6 MiB", format, len(text))
			}
			if version == "2" && !bytes.Equal(text, build("2")[format]) {
				t.Errorf("two builds of the %s differ", format)
			}
		}
	}
	return folder
}

// bootPackages boots a container whose files outlast a reboot, and returns its
// console.
func bootPackages(t *testing.T, suite, built string) []byte {
	t.Helper()
	layers := t.TempDir()
	mount := func(source, target, kind, options string) {
		if err := syscall.Mount(source, target, kind, 0, options); err != nil {
			t.Fatalf("cannot mount %s: %v", target, err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(target, syscall.MNT_DETACH) })
	}
	mount("tmpfs", layers, "tmpfs", "mode=755")
	for _, name := range []string{"upper", "work", "root", "out"} {
		if err := os.Mkdir(filepath.Join(layers, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	root := filepath.Join(layers, "root")
	mount("overlay", root, "overlay", "lowerdir="+debianOf(t, suite, append([]string{"rpm"}, packages...)...)+",upperdir="+filepath.Join(layers, "upper")+",workdir="+filepath.Join(layers, "work"))

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
	defer cancel()
	var console []byte
	for {
		command := exec.CommandContext(ctx, "systemd-nspawn", "--quiet", "--directory="+root, "--register=no", "--keep-unit",
			"--machine=sysg-"+suite+"-"+filepath.Base(built), "--private-network", "--capability=all", "--console=read-only",
			"--bind-ro="+absolute(t, "container")+":/opt/test", "--bind-ro="+built+":/opt/packages", "--bind="+filepath.Join(layers, "out")+":/opt/out",
			"--bind-ro="+absolute(t, "container/sysg-packages.service")+":/run/systemd/system/sysg-packages.service",
			"--boot", "systemd.wants=sysg-packages.service", "systemd.show_status=no")
		command.Env = append(os.Environ(), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1")
		command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
		command.WaitDelay = 10 * time.Second
		output, err := command.CombinedOutput()
		console = append(console, output...)
		if command.ProcessState.ExitCode() == rebooted {
			continue
		}
		if err != nil {
			t.Errorf("the container: %v", err)
		}
		return console
	}
}

// rebooted is how systemd-nspawn --keep-unit says that the container asks for
// another boot, which is the caller's to make.
const rebooted = 133
