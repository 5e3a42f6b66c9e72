//go:build e2e

package test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// boots are the starts of the virtual machine: what its kernel is told, and the
// script of vm/ that runs then, whose PASS and FAIL lines become subtests.
var boots = []struct{ suite, script, parameters string }{
	// Everything that Debian's kernel 6.1 has: all controllers in version 2.
	{older, "whole.sh", ""},
	// An LSM less, and controllers less: what asks for them must be refused.
	{newer, "lacking.sh", "lsm=lockdown,yama,integrity cgroup_disable=memory,io"},
}

// tested are the packages whose tests run in there as well, since this machine's
// kernel is newer, and may have its controllers in version 1.
var tested = []string{"pkg/cgroup", "pkg/sys", "pkg/confine", "cmd/sysg-exec"}

// TestInVirtualMachine boots a Debian with its own kernel, in an emulator: no
// nested virtualisation is needed. It needs root, debootstrap and qemu.
func TestInVirtualMachine(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("not root, which debootstrap needs")
		}
		t.Skip("not root, which debootstrap needs")
	}
	t.Parallel()
	payload := payloadOf(t)
	for _, boot := range boots {
		t.Run(strings.TrimSuffix(boot.script, ".sh"), func(t *testing.T) {
			t.Parallel() // Most of what they do takes one processor.
			tree := debianOf(t, boot.suite, packages...)
			report(t, emulate(t, tree, diskOf(t, tree), payload, "sysg.script="+boot.script+" "+boot.parameters))
		})
	}
}

// diskOf is the tree as the machine's disk, with the unit that runs a script.
// It is made once; the emulator is told to keep it as it is.
func diskOf(t *testing.T, tree string) string {
	t.Helper()
	unit := absolute(t, "vm/sysg-test.service")
	text, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	disk := tree + "-" + sum(string(text)) + ".img"
	if _, err := os.Stat(disk); err == nil {
		return disk
	}
	building := disk + ".building"
	_ = os.Remove(building)
	run(t, "mke2fs", "-q", "-t", "ext4", "-d", tree, building, "1600M")
	run(t, "debugfs", "-w", "-R", "write "+unit+" etc/systemd/system/sysg-test.service", building)
	if err := os.Rename(building, disk); err != nil {
		t.Fatal(err)
	}
	return disk
}

// payloadOf is a second disk: the programs, what is installed with them, the
// scripts, and tests of packages.
func payloadOf(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	run(t, "cp", "-r", absolute(t, "vm"), absolute(t, "../systemd"), folder)
	for _, program := range []string{"sysg", "sysgd", "sysg-exec"} {
		run(t, "cp", filepath.Join(programs, program), folder)
	}
	for _, name := range tested {
		at := filepath.Join(folder, "tests", filepath.Base(name))
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		run(t, "go", "test", "-c", "-trimpath", "-o", at+"/", "systemg.org/sysg/"+name)
		if data := absolute(t, "../"+name+"/testdata"); exists(data) {
			run(t, "cp", "-r", data, at)
		}
	}
	disk := filepath.Join(t.TempDir(), "payload.img")
	run(t, "mke2fs", "-q", "-t", "ext4", "-d", folder, disk, "300M")
	return disk
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func run(t *testing.T, argv ...string) {
	t.Helper()
	command := exec.Command(argv[0], argv[1:]...)
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, tail(output, 20))
	}
}

// emulate boots the machine until it powers itself off, over reboots, and returns
// what its script has said on a serial line of its own. The console, with the
// kernel's messages, is shown where the script does not come to its end.
func emulate(t *testing.T, tree, disk, payload, parameters string) []byte {
	t.Helper()
	kernels, err := filepath.Glob(tree + "/boot/vmlinuz-*")
	if err != nil || len(kernels) != 1 {
		t.Fatalf("found the kernels %q, %v", kernels, err)
	}
	said := filepath.Join(t.TempDir(), "said")
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "qemu-system-x86_64",
		"-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024", "-display", "none", "-monitor", "none", "-net", "none",
		"-serial", "stdio", "-serial", "file:"+said,
		"-kernel", kernels[0], "-initrd", strings.Replace(kernels[0], "vmlinuz", "initrd.img", 1),
		"-append", "root=/dev/vda rw console=ttyS0 quiet loglevel=1 systemd.show_status=no systemd.mask=apparmor.service systemd.wants=sysg-test.service "+parameters,
		"-drive", "file="+disk+",format=raw,if=virtio,snapshot=on",
		"-drive", "file="+payload+",format=raw,if=virtio,snapshot=on")
	command.WaitDelay = 10 * time.Second
	var console bytes.Buffer
	command.Stdout, command.Stderr = &console, &console
	if err := command.Run(); err != nil {
		t.Errorf("the virtual machine: %v", err)
	}
	text, err := os.ReadFile(said)
	if err != nil {
		t.Error(err)
	}
	if !bytes.Contains(text, []byte("END")) {
		t.Logf("its console:\n%s", tail(console.Bytes(), 60))
	}
	return text
}
