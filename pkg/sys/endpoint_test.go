package sys

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAddressesAreReadAsEverybodyReadsThem(t *testing.T) {
	for _, text := range []string{
		"127.0.0.1", "0.0.0.0", "255.255.255.255", "256.1.1.1", "1.2.3", "1.2.3.4.5", "010.0.0.1", "1.2.3.4 ", "", "+1.2.3.4",
		"::", "::1", "1::", "fe80::1:2", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", ":1", "1:", ":::", "12345::",
		"::ffff:1.2.3.4", "64:ff9b::192.0.2.33", "1.2.3.4::", "::1.2.3", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "g::", "1::2:3:4:5:6:7:8",
	} {
		sameAddress(t, text)
	}
}

func sameAddress(t *testing.T, text string) {
	t.Helper()
	got := parseAddress(text)
	want, err := netip.ParseAddr(text)
	if err != nil {
		if got != nil {
			t.Errorf("%q is read as %v", text, got)
		}
		return
	}
	if !slices.Equal(got, want.AsSlice()) {
		t.Errorf("%q is read as %v, want %v", text, got, want.AsSlice())
	}
}

func FuzzParseAddress(f *testing.F) {
	f.Add("::1")
	f.Add("1.2.3.4")
	f.Fuzz(func(t *testing.T, text string) {
		if !strings.Contains(text, "%") { // A zone.
			sameAddress(t, text)
		}
	})
}

func openEndpoint(t *testing.T, e Endpoint) int {
	t.Helper()
	fd, _, err := e.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

func portOf(t *testing.T, fd int) string {
	t.Helper()
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at, _ := inetOf(name)
	return netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(at.port)).String()[len("0.0.0.0:"):]
}

func TestAnEndpointWithoutAHostIsReachedByBothFamilies(t *testing.T) {
	for _, address := range []string{":0", "*:0", "[::]:0"} {
		fd := openEndpoint(t, Endpoint{Network: "tcp", Address: address})
		port := portOf(t, fd)
		hosts := []string{"127.0.0.1"}
		if probe, err := net.Listen("tcp", "[::1]:0"); err == nil {
			probe.Close()
			hosts = append(hosts, "::1")
		}
		for _, host := range hosts {
			c, err := net.Dial("tcp", net.JoinHostPort(host, port))
			if err != nil {
				t.Errorf("%s: %v", address, err)
				continue
			}
			c.Close()
		}
	}
}

func TestAnAddressInUseSaysSoWithTheAddress(t *testing.T) {
	fd := openEndpoint(t, Endpoint{Network: "tcp", Address: "127.0.0.1:0"})
	address := "127.0.0.1:" + portOf(t, fd)
	_, _, err := Endpoint{Network: "tcp", Address: address}.Open()
	if !errors.Is(err, unix.EADDRINUSE) || !strings.Contains(err.Error(), `tcp "`+address+`"`) || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v", err)
	}
	for _, bad := range []string{"127.0.0.1", "127.0.0.1:99999", "127.0.0.1:-1", "example.org:80", "[::1:80", "192.0.2.1:0", ":x"} {
		if _, _, err := (Endpoint{Network: "tcp", Address: bad}).Open(); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestAnEndpointHoldsOnlyItself(t *testing.T) {
	dir := t.TempDir()
	all := []Endpoint{
		{Network: "tcp", Address: "127.0.0.1:0"}, {Network: "udp", Address: "127.0.0.1:0"},
		{Network: "unix", Address: dir + "/stream", Mode: 0o600}, {Network: "unixpacket", Address: dir + "/packet", Mode: 0o600},
		{Network: "fifo", Address: dir + "/fifo", Mode: 0o600},
		{Network: "unix", Address: dir + "/other", Mode: 0o600}, {Network: "fifo", Address: dir + "/otherfifo", Mode: 0o600},
	}
	fds := make([]int, len(all))
	for i, e := range all {
		fds[i] = openEndpoint(t, e)
	}
	for i, e := range all {
		for j, fd := range fds {
			if err := e.Holds(fd); (err == nil) != (i == j) {
				t.Errorf("%s %q about that of %q: %v", e.Network, e.Address, all[j].Address, err)
			}
		}
		if flags, _ := unix.FcntlInt(uintptr(fds[i]), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("%s is not close-on-exec", e.Network)
		}
		if flags, _ := unix.FcntlInt(uintptr(fds[i]), unix.F_GETFL, 0); flags&unix.O_NONBLOCK != 0 {
			t.Errorf("%s does not block", e.Network)
		}
	}
	unbound, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(unbound)
	if all[0].Holds(unbound) == nil {
		t.Error("a socket that does not listen passes")
	}
	for _, other := range []string{"127.0.0.2:0", "127.0.0.1:1", "[::1]:0"} {
		if (Endpoint{Network: "tcp", Address: other}).Holds(fds[0]) == nil {
			t.Errorf("a socket at 127.0.0.1 passes for %s", other)
		}
	}
	if (Endpoint{Network: "tcp", Address: "127.0.0.1:" + portOf(t, fds[0])}).Holds(fds[0]) != nil {
		t.Error("its own port is not taken")
	}
}

func TestAPathHasItsModeWhateverTheUmask(t *testing.T) {
	dir := t.TempDir()
	for _, e := range []Endpoint{
		{Network: "unix", Address: dir + "/s", Mode: 0o666}, {Network: "unixpacket", Address: dir + "/p", Mode: 0o620}, {Network: "fifo", Address: dir + "/f", Mode: 0o622},
	} {
		openEndpoint(t, e)
		info, err := os.Lstat(e.Address)
		if err != nil || uint32(info.Mode().Perm()) != e.Mode {
			t.Errorf("%s: mode %v, %v", e.Network, info.Mode(), err)
		}
		e.Remove()
		if _, err := os.Lstat(e.Address); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", e.Network, err)
		}
	}
}

func TestOnlyAStaleSocketOfOursIsTakenAway(t *testing.T) {
	dir := t.TempDir()
	e := Endpoint{Network: "unix", Address: dir + "/s", Mode: 0o600}
	fd, made, err := e.Open()
	if err != nil || !made {
		t.Fatal(err)
	}
	if _, _, err := e.Open(); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("while somebody listens: %v", err)
	}
	if _, _, err := (Endpoint{Network: "unixpacket", Address: e.Address, Mode: 0o600}).Open(); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("while somebody listens to another type: %v", err)
	}
	_ = unix.Close(fd) // As a death would: the path stays.
	openEndpoint(t, e)

	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, dir+"/link"); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, dir + "/link", dir} {
		for _, network := range []string{"unix", "fifo"} {
			e := Endpoint{Network: network, Address: path, Mode: 0o600}
			if _, _, err := e.Open(); err == nil {
				t.Errorf("%s was made at %s", network, path)
			}
			e.Remove()
		}
	}
	if text, err := os.ReadFile(file); string(text) != "precious" {
		t.Errorf("the file was touched: %v", err)
	}
	for _, network := range []string{"unix", "fifo"} {
		if _, _, err := (Endpoint{Network: network, Address: dir + "/none/x"}).Open(); !errors.Is(err, unix.ENOENT) || !strings.Contains(err.Error(), dir+"/none") {
			t.Errorf("%s in no directory: %v", network, err)
		}
	}
}

func TestAFIFOKeepsWhatIsWrittenWhileNobodyReads(t *testing.T) {
	e := Endpoint{Network: "fifo", Address: t.TempDir() + "/f", Mode: 0o600}
	fd := openEndpoint(t, e)
	if err := os.WriteFile(e.Address, []byte("hello"), 0); err != nil {
		t.Fatal(err)
	}
	again, made, err := e.Open()
	if err != nil || made {
		t.Fatalf("made anew: %t, %v", made, err)
	}
	_ = unix.Close(again)
	buf := make([]byte, 16)
	if n, err := unix.Read(fd, buf); string(buf[:max(n, 0)]) != "hello" {
		t.Errorf("read %q, %v", buf[:max(n, 0)], err)
	}
}

func TestSameFileTellsCopiesFromOthers(t *testing.T) {
	fd := openEndpoint(t, Endpoint{Network: "tcp", Address: "127.0.0.1:0"})
	other := openEndpoint(t, Endpoint{Network: "tcp", Address: "127.0.0.1:0"})
	copied, err := unix.Dup(fd)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(copied)
	if SameFile(fd, other) {
		t.Error("two sockets are the same")
	}
	if !SameFile(fd, copied) {
		if os.Getenv("CI") == "true" {
			t.Fatal("this kernel has no kcmp(2), or a copy is another file")
		}
		t.Skip("this kernel has no kcmp(2)")
	}
}
