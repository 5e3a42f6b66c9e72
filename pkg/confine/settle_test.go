package confine

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

func TestANamespaceThatTheKernelLacksIsNamed(t *testing.T) {
	proc := t.TempDir()
	for _, dir := range []string{"self/ns", "sys/user"} {
		if err := os.MkdirAll(filepath.Join(proc, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	user := &namespaces[0]
	if err := user.lack(proc); !errors.Is(err, unix.EOPNOTSUPP) || !strings.Contains(err.Error(), "no user namespaces") {
		t.Errorf("a kernel without: %v", err)
	}
	if err := os.WriteFile(filepath.Join(proc, "self/ns/user"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[string]string{"0\n": "user.max_user_namespaces is 0", "1\n": "", "10\n": ""} {
		if err := os.WriteFile(filepath.Join(proc, "sys/user/max_user_namespaces"), []byte(limit), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := user.lack(proc); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("a limit of %q: %v", limit, err)
		}
	}
}

func TestThisKernelHasAllNamespaces(t *testing.T) {
	for i := range namespaces {
		if err := namespaces[i].lack("/proc"); err != nil {
			t.Error(err)
		}
	}
}

// lacking asks for a security module that is not in use here: two are never.
func lacking() (c generation.Confinement, key string) {
	if lackOfSELinux() != nil {
		return generation.Confinement{SELinux: "system_u:system_r:httpd_t:s0"}, "selinux_context"
	}
	return generation.Confinement{AppArmor: "sysg-test"}, "apparmor_profile"
}

func TestWhatIsMissingRefusesUnlessBestEffort(t *testing.T) {
	c, key := lacking()
	l := Launch{Confinement: &c}
	missing, err := settle(&l)
	var failure *Failure
	if !errors.As(err, &failure) || failure.Stage != spec.StageLSM || !strings.Contains(failure.Detail, "isolation."+key) || missing != nil {
		t.Errorf("settled as %v, %v", missing, err)
	}
	c.BestEffort = []string{"network", key}
	missing, err = settle(&l)
	if err != nil || !slices.Equal(missing, []string{key}) || l.Confinement.SELinux+l.Confinement.AppArmor != "" {
		t.Errorf("settled as %v, %v: %+v", missing, err, l.Confinement)
	}
	if c.SELinux+c.AppArmor == "" {
		t.Error("the generation was changed")
	}
}

func TestEveryKeyOfIsolationIsSettled(t *testing.T) {
	all := generation.Confinement{
		User: true, Mount: true, PID: true, Network: true, IPC: true, UTS: true, Cgroup: true,
		PrivateTmp: true, PrivateDevices: true, ProtectSystem: generation.ProtectUsr,
		ReadOnly: []string{"/"}, ReadWrite: []string{"/"}, Inaccessible: []string{"/"},
		Seccomp: &generation.Seccomp{}, Landlock: &generation.Landlock{}, AppArmor: "a", SELinux: "b",
	}
	for _, key := range isolationKeys {
		if !key.asked(&all) {
			t.Errorf("%s is not asked for", key.name)
		}
		key.drop(&all)
		if key.name != "landlock" && key.asked(&all) {
			t.Errorf("%s is not dropped", key.name)
		}
	}
	all.Landlock = nil
	if !onlyIdentity(&all) {
		t.Errorf("left over: %+v", all)
	}
}

func TestLandlockKeepsItsPathsWhereOnlyThePortsAreMissing(t *testing.T) {
	l := &generation.Landlock{ReadOnly: []string{"/usr"}, Bind: []uint16{80}}
	if got := withoutPorts(l, 3); got == nil || got.Bind != nil || len(got.ReadOnly) != 1 {
		t.Errorf("version 3: %+v", got)
	}
	if got := withoutPorts(l, 0); got != nil {
		t.Errorf("version 0: %+v", got)
	}
}
