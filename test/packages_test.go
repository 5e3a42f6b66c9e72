//go:build e2e

package test

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestPackages installs what packaging/build makes, in containers with systemd,
// and does there what an administrator does, from the first installation to the
// last trace (container/packages.sh, which runs in two boots).
func TestPackages(t *testing.T) {
	needsRoot(t)
	t.Parallel()
	built := buildPackages(t)
	for _, test := range []struct{ name, suite, format string }{
		{"deb on systemd 252", older, "deb"},
		{"deb on systemd 257", newer, "deb"},
		{"rpm", older, "rpm"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			tree, out := lasting(t, debianOf(t, test.suite, packages...)), t.TempDir()
			options := []string{
				runs(t, "packages.sh"), "--private-network", "--bind=" + out + ":/opt/out",
				"--bind-ro=" + filepath.Join(built, test.format) + ":/opt/packages", "--bind-ro=" + absolute(t, "../README.md") + ":/opt/README.md",
			}
			if test.format == "rpm" {
				options = append(options, lendRPM(t, tree)...)
			}
			for _, boots := range []string{"first boot", "second boot"} {
				t.Run(boots, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
					defer cancel()
					report(t, bootOf(ctx, t, nspawnBare(ctx, t, tree, bootOptions(t, options)...)))
				})
			}
			parseMetrics(t, filepath.Join(out, "metrics.txt"))
		})
	}
	for _, test := range []struct{ name, format, lacking string }{
		{"deb in a chroot", "deb", ""},
		{"deb where there is no systemd", "deb", "systemd"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			report(t, inChroot(t, lasting(t, debianOf(t, older, packages...)), filepath.Join(built, test.format, "1"), test.lacking))
		})
	}
	t.Run("lintian", func(t *testing.T) {
		t.Parallel()
		lint(t, 0, "lintian", "--allow-root", "--fail-on=error,warning", only(t, filepath.Join(built, "deb/2/*.deb")))
	})
	t.Run("rpmlint", func(t *testing.T) {
		t.Parallel()
		// As root it unpacks the package into the place where it would be installed.
		lint(t, nobody, "rpmlint", "--strict", "--config", absolute(t, "../packaging/rpm/rpmlint.toml"), only(t, filepath.Join(built, "rpm/2/*.rpm")))
	})
	t.Run("arm64", func(t *testing.T) {
		t.Parallel()
		out := filepath.Join(t.TempDir(), "out")
		packaged(t, out, "arm64", quick)
		staticFor(t, elf.EM_AARCH64, only(t, filepath.Join(out, "*_arm64.deb")))
		only(t, filepath.Join(out, "*.aarch64.rpm"))
	})
}

const nobody = 65534

// quick makes a build of packages take a third of its time, which else is xz's.
const quick = "COMPRESSION=gzip"

// lendRPM are options by which a container has this machine's rpm, a Debian of
// the same age, with the libraries that it lacks. Its own would be 140 MB more.
func lendRPM(t *testing.T, tree string) []string {
	t.Helper()
	libraries, err := exec.Command("ldd", "/usr/bin/rpm").Output()
	if err != nil {
		t.Fatalf("cannot tell what rpm needs: %v", err)
	}
	options := []string{"--bind-ro=/usr/bin/rpm", "--bind-ro=/usr/lib/rpm"}
	for _, word := range strings.Fields(string(libraries)) {
		if _, err := os.Stat(filepath.Join(tree, word)); strings.HasPrefix(word, "/") && errors.Is(err, os.ErrNotExist) {
			options = append(options, "--bind-ro="+word)
		}
	}
	return options
}

// packaged builds the packages of one version.
func packaged(t *testing.T, out, architecture string, more ...string) {
	t.Helper()
	command := exec.Command("../packaging/build", architecture)
	command.Env = append(append(os.Environ(), "OUT="+out, "VERSION=0.0.2", "SOURCE_DATE_EPOCH=1700000000"), more...)
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("cannot build packages: %v\n%s", err, tail(output, 30))
	}
}

// buildPackages builds two versions of the packages into a folder with deb/1,
// deb/2, rpm/1 and rpm/2, and holds that one commit gives the same bytes twice.
func buildPackages(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	readable := errors.Join(os.Chmod(filepath.Dir(folder), 0o755), os.Chmod(folder, 0o755)) // for rpmlint's user
	if readable != nil {
		t.Fatal(readable)
	}
	first, second, again := filepath.Join(folder, "first"), filepath.Join(folder, "second"), filepath.Join(folder, "again")
	packaged(t, first, "amd64", "VERSION=0.0.1", quick)
	packaged(t, again, "amd64", "VERSION=0.0.1", quick)
	packaged(t, second, "amd64")
	for _, format := range []string{"deb", "rpm"} {
		files := map[string]string{"1": only(t, filepath.Join(first, "*."+format)), "2": only(t, filepath.Join(second, "*."+format))}
		one, err := os.ReadFile(files["1"])
		other, err2 := os.ReadFile(only(t, filepath.Join(again, "*."+format)))
		whole, err3 := os.Stat(files["2"])
		if err := errors.Join(err, err2, err3); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one, other) {
			t.Errorf("two builds of the %s differ", format)
		}
		if whole.Size() > 6<<20 {
			t.Errorf("the %s has %d bytes, over 6 MiB", format, whole.Size())
		}
		for version, file := range files {
			place := filepath.Join(folder, format, version)
			if err := errors.Join(os.MkdirAll(place, 0o755), os.Rename(file, filepath.Join(place, filepath.Base(file)))); err != nil {
				t.Fatal(err)
			}
		}
	}
	return folder
}

// only is the one file of a pattern.
func only(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: found %q, %v", pattern, found, err)
	}
	return found[0]
}

// lint runs a judge of packages; what it says is a failure.
func lint(t *testing.T, uid uint32, name string, args ...string) {
	t.Helper()
	command := exec.Command(name, args...)
	command.Env = append(os.Environ(), "HOME=/nonexistent", "LC_ALL=C.UTF-8")
	if uid != 0 {
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		command.Dir = "/"
	}
	if output, err := command.CombinedOutput(); err != nil || bytes.Contains(output, []byte("\nW: ")) {
		t.Errorf("%s: %v\n%s", name, err, tail(output, 40))
	}
}

// inChroot runs container/chroot.sh in a tree; lacking is taken away from it.
func inChroot(t *testing.T, tree, packages, lacking string) []byte {
	t.Helper()
	run(t, "cp", "-r", packages, filepath.Join(tree, "packages"))
	run(t, "cp", absolute(t, "container/lib.sh"), absolute(t, "container/chroot.sh"), filepath.Join(tree, "packages"))
	command := exec.Command("chroot", tree, "bash", "/packages/chroot.sh", lacking)
	command.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS} // It mounts.
	command.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}    // nothing that says how to ask
	output, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("in the chroot: %v", err)
	}
	return output
}

// parser is that of Prometheus' own client, which is strict about OpenMetrics.
const parser = `import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
for family in parse(sys.stdin.read()):
    for sample in family.samples:
        print(family.name, family.type, sample.labels.get("service"))`

func parseMetrics(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command("/usr/bin/python3", "-c", parser) // Debian's, which has the package
	command.Stdin = bytes.NewReader(text)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("the metrics do not parse: %v\n%s\n%s", err, tail(output, 5), text)
	}
	for _, want := range []string{"sysg_service_up gauge echo", "sysg_service_restarts counter echo", "sysg_service_memory_bytes gauge echo"} {
		if !strings.Contains(string(output), want+"\n") {
			t.Errorf("no %q among\n%s", want, output)
		}
	}
}

// staticFor holds that a deb's programs are for a machine, and load no library.
func staticFor(t *testing.T, machine elf.Machine, deb string) {
	t.Helper()
	content, err := exec.Command("dpkg-deb", "--fsys-tarfile", deb).Output()
	if err != nil {
		t.Fatal(err)
	}
	programs := 0
	for files := tar.NewReader(bytes.NewReader(content)); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag != tar.TypeReg || header.Mode&0o111 == 0 {
			continue
		}
		text, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		program, err := elf.NewFile(bytes.NewReader(text))
		if err != nil {
			continue // a script
		}
		programs++
		if program.Machine != machine {
			t.Errorf("%s is for %v", header.Name, program.Machine)
		}
		for _, part := range program.Progs {
			if part.Type == elf.PT_INTERP {
				t.Errorf("%s needs a dynamic loader", header.Name)
			}
		}
	}
	if programs != 3 {
		t.Errorf("it has %d programs", programs)
	}
}
