package confine

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
)

// system is what a shell needs to run at all.
var system = []string{"/usr", "/bin", "/lib", "/lib64", "/etc", "/dev/null"}

func TestLandlockAllowsItsPathsOnly(t *testing.T) {
	if landlockVersion() == 0 {
		assertNoLandlock(t)
		return
	}
	each(t, func(t *testing.T, c generation.Confinement) {
		dir := tree(t)
		c.Landlock = &generation.Landlock{
			ReadOnly:  append([]string{filepath.Join(dir, "a/file"), filepath.Join(dir, "a/b")}, existing(system)...),
			ReadWrite: []string{filepath.Join(dir, "a/b/c")},
		}
		got := sees(t, c, "exec 2>&1; cd "+dir+`/a
			cat file && echo " read"
			echo more >>file || echo not written
			ls b && echo listed
			touch b/new || echo not made
			echo more >b/c/new && cat b/c/new && mkdir b/c/d && mv b/c/new b/c/d && rm -r b/c/d && echo all of it
			ls . || echo not listed`)
		for _, want := range []string{"content read", "not written", "listed", "not made", "all of it", "not listed"} {
			if !strings.Contains(got, want) {
				t.Errorf("it is not %s: %s", want, got)
			}
		}
	})
}

// existing are those paths that there are.
func existing(paths []string) []string {
	var there []string
	for _, path := range paths {
		if unix.Access(path, unix.F_OK) == nil {
			there = append(there, path)
		}
	}
	return there
}

func assertNoLandlock(t *testing.T) {
	t.Helper()
	out, err := inView(t, generation.Confinement{Landlock: &generation.Landlock{}}, "true")
	if err == nil || !strings.Contains(out, "isolation.landlock: this kernel has no Landlock") {
		t.Errorf("without Landlock: %v: %s", err, out)
	}
}

func TestLandlockAllowsItsPortsOnly(t *testing.T) {
	version := landlockVersion()
	if version == 0 {
		assertNoLandlock(t)
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := uint16(listener.Addr().(*net.TCPAddr).Port)
	all := generation.Landlock{ReadWrite: []string{"/"}}
	connect := fmt.Sprintf("exec 2>&1; bash -c ': </dev/tcp/127.0.0.1/%d' && echo connected", port)
	for name, test := range map[string]struct {
		ports []uint16
		want  bool
	}{"all ports": {nil, true}, "this port": {[]uint16{port}, true}, "another port": {[]uint16{port ^ 1}, false}, "no port": {[]uint16{}, false}} {
		c := generation.Confinement{Landlock: &generation.Landlock{ReadWrite: all.ReadWrite, Connect: test.ports}}
		out, err := inView(t, c, connect)
		if version < landlockTCP && test.ports != nil {
			if !strings.Contains(out, "isolation.landlock: tcp_bind and tcp_connect take Linux 6.7") {
				t.Errorf("%s: %s", name, out)
			}
			continue
		}
		if connected := strings.Contains(out, "connected"); connected != test.want || !connected && !strings.Contains(out, "ermission denied") {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}

func TestLandlockRestrictsWhatTheKernelKnows(t *testing.T) {
	l := &generation.Landlock{Bind: []uint16{80}}
	for version, want := range map[int]uint64{1: 0x1fff, 2: 0x3fff, 3: 0x7fff, 4: 0x7fff, 5: 0xffff, 9: 0xffff} {
		attr := handled(l, version)
		if attr.Handled_access_fs != want || attr.Handled_access_net != unix.LANDLOCK_ACCESS_NET_BIND_TCP {
			t.Errorf("version %d: %#x, %#x", version, attr.Handled_access_fs, attr.Handled_access_net)
		}
	}
	for version, want := range map[int]string{0: "has no Landlock", 3: "take Linux 6.7", 4: "", 7: ""} {
		err := landlockLack(l, version)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("version %d: %v", version, err)
		}
	}
}

func TestLandlockNamesThePathThatIsNotThere(t *testing.T) {
	if landlockVersion() == 0 {
		assertNoLandlock(t)
		return
	}
	out, err := inView(t, generation.Confinement{Landlock: &generation.Landlock{ReadOnly: []string{"/no/such"}}}, "true")
	if err == nil || !strings.Contains(out, `isolation.landlock: cannot open "/no/such"`) {
		t.Errorf("%v: %s", err, out)
	}
}
