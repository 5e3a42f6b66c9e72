package confine

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/generation"
)

// user is anybody: these take no privilege.
var user = generation.Identity{UID: 4711, GID: 4711}

func TestAppArmorIsAskedForOrRefused(t *testing.T) {
	c := generation.Confinement{Identity: user, AppArmor: "of-sysg-and-not-loaded"}
	want := `profile "of-sysg-and-not-loaded" is not loaded`
	if lackOfAppArmor() != nil {
		want = "AppArmor is not in use on this kernel"
	}
	out, err := inView(t, c, "true")
	if err == nil || !strings.Contains(out, "isolation.apparmor_profile: "+want) {
		t.Errorf("%v: %s", err, out)
	}
	if lackOfAppArmor() == nil {
		c.AppArmor = "unconfined" // The one that is always there.
		if got := sees(t, c, "cat /proc/self/attr/apparmor/current"); got != "unconfined" {
			t.Errorf("it runs as %q", got)
		}
	}
}

func TestSELinuxIsAskedForOrRefused(t *testing.T) {
	c := generation.Confinement{Identity: user, SELinux: "of_sysg:no:such"}
	out, err := inView(t, c, "true")
	if err == nil || !strings.Contains(out, "isolation.selinux_context: ") || lackOfSELinux() != nil && !strings.Contains(out, "SELinux is not in use on this kernel") {
		t.Errorf("%v: %s", err, out)
	}
}

// Only the kernel's own files are asked: in a service's view /proc may be anything.
func TestALabelIsAskedOfTheKernelAlone(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const name = "/proc/thread-self/comm" // A file that is written and read alike.
	was, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	defer os.WriteFile(name, was, 0)
	if err := atExec(name, "of sysg", "of sysg"); err != nil {
		t.Error(err)
	}
	if err := atExec(name, "of sysg", "another"); err == nil || !strings.Contains(err.Error(), `noted "of sysg"`) {
		t.Errorf("what is noted otherwise: %v", err)
	}
	forged := filepath.Join(t.TempDir(), "exec")
	if err := os.WriteFile(forged, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := atExec(forged, "profile", "profile"); err == nil || !strings.Contains(err.Error(), "is not the kernel's") {
		t.Errorf("a file of anybody's: %v", err)
	}
}
