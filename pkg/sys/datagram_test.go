package sys

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// datagrams is a pair of sockets of which the first learns who sends.
func datagrams(t *testing.T) (receiver, sender int) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { CloseAll(pair[:]) })
	if err := unix.SetsockoptInt(pair[0], unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		t.Fatal(err)
	}
	return pair[0], pair[1]
}

func TestADatagramComesWithItsSenderAndDescriptors(t *testing.T) {
	receiver, sender := datagrams(t)
	buf := make([]byte, 16)
	if _, _, err := ReceiveDatagram(receiver, buf, false); !errors.Is(err, ErrWouldBlock) {
		t.Fatalf("an empty socket: %v", err)
	}
	file, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := unix.Sendmsg(sender, []byte("READY=1"), unix.UnixRights(int(file.Fd()), int(file.Fd())), nil, 0); err != nil {
		t.Fatal(err)
	}
	before := openCount(t)
	n, looked, err := ReceiveDatagram(receiver, buf, true)
	if err != nil || string(buf[:n]) != "READY=1" || looked.PID != os.Getpid() || looked.FDs != nil {
		t.Fatalf("a look: %q %+v %v", buf[:n], looked, err)
	}
	if after := openCount(t); after != before {
		t.Errorf("a look leaves %d descriptors open, before it were %d", after, before)
	}
	n, got, err := ReceiveDatagram(receiver, buf, false)
	if err != nil || string(buf[:n]) != "READY=1" || got.PID != os.Getpid() || len(got.FDs) != 2 {
		t.Fatalf("%q %+v %v", buf[:n], got, err)
	}
	for _, fd := range got.FDs {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("descriptor %d: %x %v", fd, flags, err)
		}
	}
	CloseAll(got.FDs)
}

func TestADatagramThatDoesNotFitIsToldAndGone(t *testing.T) {
	receiver, sender := datagrams(t)
	if err := unix.Sendmsg(sender, make([]byte, 100), unix.UnixRights(receiver), nil, 0); err != nil {
		t.Fatal(err)
	}
	before := openCount(t)
	for _, peek := range []bool{true, true, false} {
		if _, d, err := ReceiveDatagram(receiver, make([]byte, 16), peek); !errors.Is(err, ErrTruncated) || d.FDs != nil {
			t.Fatalf("%+v %v", d, err)
		}
	}
	if _, _, err := ReceiveDatagram(receiver, make([]byte, 16), false); !errors.Is(err, ErrWouldBlock) {
		t.Errorf("afterwards: %v", err)
	}
	if after := openCount(t); after > before {
		t.Errorf("%d descriptors open, before it were %d", after, before)
	}
}

func openCount(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
