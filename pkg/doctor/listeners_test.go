package doctor

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"systemg.org/sysg/pkg/generation"
)

func TestASocketIsClosedWhereTheKernelHasNoListener(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", "[::1]:0")
	if err != nil {
		udp, err = net.ListenPacket("udp", "127.0.0.1:0") // A machine without IPv6.
	}
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "s")
	local, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	local.(*net.UnixListener).SetUnlinkOnClose(false)
	sockets := []generation.Socket{
		{Name: "web", Kind: generation.SocketTCP, Address: tcp.Addr().String()},
		{Name: "dns", Kind: generation.SocketUDP, Address: udp.LocalAddr().String()},
		{Name: "ctl", Kind: generation.SocketUnix, Address: path},
		{Name: "heir", Kind: generation.SocketInherit, Address: "foo"},
		{Name: "any", Kind: generation.SocketTCP, Address: "127.0.0.1:0"},
	}
	if got := closed(sockets, tables{}); got != nil {
		t.Errorf("open, but %q", got)
	}
	for _, one := range []interface{ Close() error }{tcp, udp, local} {
		_ = one.Close()
	}
	sockets = append(sockets, generation.Socket{Name: "in", Kind: generation.SocketFIFO, Address: path + ".gone"})
	got := strings.Join(closed(sockets, tables{}), "; ")
	for _, want := range []string{`"web": nobody`, `"dns": nobody`, `"ctl": nobody`, `"in": lstat`} {
		if !strings.Contains(got, want) {
			t.Errorf("closed: %s, want %s", got, want)
		}
	}
	if strings.Contains(got, "heir") || strings.Contains(got, "any") {
		t.Errorf("closed: %s", got)
	}
}
