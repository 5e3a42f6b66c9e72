//go:build e2e

package test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestSystemInstance runs the system's instance under each systemd:
// container/system.sh in a first boot of the container, which ends as a machine
// does, and what is to be found after it in a second one.
func TestSystemInstance(t *testing.T) {
	needsRoot(t)
	for _, suite := range suites {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			tree := lasting(t, debianOf(t, suite, packages...))
			for _, boots := range []string{"first boot", "second boot"} {
				t.Run(boots, func(t *testing.T) { report(t, boot(t, tree, "--private-network", runs(t, "system.sh"))) })
			}
		})
	}
}

// lasting is a tree whose changes outlive a boot, and not the test. What changes
// is in memory: /tmp may be on a file system that cannot hold it.
func lasting(t *testing.T, tree string) string {
	t.Helper()
	folder := t.TempDir()
	mount := func(source, target, kind, options string) {
		t.Helper()
		if err := syscall.Mount(source, target, kind, 0, options); err != nil {
			t.Fatalf("cannot mount %s: %v", target, err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(target, syscall.MNT_DETACH) })
	}
	mount("tmpfs", folder, "tmpfs", "mode=0755")
	upper, work, merged := filepath.Join(folder, "upper"), filepath.Join(folder, "work"), filepath.Join(folder, "merged")
	if err := errors.Join(os.Mkdir(upper, 0o755), os.Mkdir(work, 0o755), os.Mkdir(merged, 0o755)); err != nil {
		t.Fatal(err)
	}
	mount("overlay", merged, "overlay", "lowerdir="+tree+",upperdir="+upper+",workdir="+work)
	return merged
}
