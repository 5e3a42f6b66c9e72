package security

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestReadSeesThisProcess(t *testing.T) {
	p, err := Read(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if p.PID != os.Getpid() || int(p.UIDs[1]) != os.Geteuid() || int(p.GIDs[1]) != os.Getegid() {
		t.Errorf("got %+v", p)
	}
	if len(p.Namespaces) != len(kinds) || !strings.HasPrefix(p.Namespaces["net"], "net:[") {
		t.Errorf("namespaces %v", p.Namespaces)
	}
	if m, found := at(p.Mounts, "/proc"); !found || m.Type != "proc" {
		t.Errorf("/proc is %+v", m)
	}
}

func TestReadTellsOfAProcessThatIsGone(t *testing.T) {
	child := exec.Command("true")
	if err := child.Run(); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(child.Process.Pid); !errors.Is(err, ErrGone) {
		t.Errorf("got %v", err)
	}
}

func TestMountsAreReadAsTheKernelWritesThem(t *testing.T) {
	all := mounts(`22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / ro,relatime shared:1 master:2 - ext4 /dev/root rw
40 27 0:50 /a\040b /tmp\040x rw - tmpfs tmpfs ro,size=1k
41 27 0:51 / /usr rw - tmpfs tmpfs rw
42 27 0:52 / /usr ro - tmpfs tmpfs rw
nonsense
`)
	want := []Mount{
		{"0:21", "/", "/proc", false, "proc"}, {"254:0", "/", "/", true, "ext4"}, {"0:50", "/a b", "/tmp x", true, "tmpfs"},
		{"0:51", "/", "/usr", false, "tmpfs"}, {"0:52", "/", "/usr", true, "tmpfs"},
	}
	if !slices.Equal(all, want) {
		t.Errorf("got %+v", all)
	}
	for path, device := range map[string]string{"/": "254:0", "/etc": "254:0", "/usr": "0:52", "/usr/lib": "0:52", "/usrlocal": "254:0", "/proc/1": "0:21"} {
		if m, _ := at(all, path); m.Device != device {
			t.Errorf("%s is on %s, want %s", path, m.Device, device)
		}
	}
}
