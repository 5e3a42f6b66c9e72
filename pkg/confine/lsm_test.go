package confine

import (
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
