package sys

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func packetPair(t *testing.T) (a, b int) {
	t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { CloseAll(ends[:]) })
	return ends[0], ends[1]
}

func openFDs(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestPacketKeepsItsBoundsAndItsDescriptors(t *testing.T) {
	a, b := packetPair(t)
	r, w, err := LogPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer CloseAll([]int{r, w})
	if err := SendPacket(a, []byte("first"), []int{r, w}); err != nil {
		t.Fatal(err)
	}
	if err := SendPacket(a, []byte("second"), nil); err != nil {
		t.Fatal(err)
	}

	buf := make([]byte, 64)
	n, fds, err := ReceivePacket(b, buf)
	if err != nil || string(buf[:n]) != "first" || len(fds) != 2 {
		t.Fatalf("got %q, %v, %v", buf[:n], fds, err)
	}
	defer CloseAll(fds)
	for _, fd := range fds {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("descriptor %d is not close-on-exec: %v", fd, err)
		}
	}
	if _, err := unix.Write(fds[1], []byte("through")); err != nil {
		t.Fatal(err)
	}
	if n, err := unix.Read(r, buf); err != nil || string(buf[:n]) != "through" {
		t.Errorf("the received descriptor is another pipe: %q, %v", buf[:n], err)
	}

	n, fds, err = ReceivePacket(b, buf)
	if err != nil || string(buf[:n]) != "second" || fds != nil {
		t.Errorf("got %q, %v, %v", buf[:n], fds, err)
	}
}

func TestReceiveTellsNothingYetFromTheEnd(t *testing.T) {
	a, b := packetPair(t)
	buf := make([]byte, 8)
	if _, _, err := ReceivePacket(b, buf); !errors.Is(err, ErrWouldBlock) {
		t.Errorf("an empty queue gives %v", err)
	}
	if err := unix.Shutdown(a, unix.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ReceivePacket(b, buf); err != io.EOF {
		t.Errorf("a closed peer gives %v", err)
	}
}

func TestWhatDoesNotFitIsRefusedAndItsDescriptorsAreClosed(t *testing.T) {
	for _, test := range []struct {
		name    string
		payload int
		fds     int
		want    error
	}{
		{"as large as the buffer", 16, MaxFDs, nil},
		{"one byte more", 17, 2, ErrTruncated},
		{"one descriptor more", 16, MaxFDs + 1, ErrTruncated},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b := packetPair(t)
			fds := make([]int, test.fds) // all of them standard input
			if err := unix.Sendmsg(a, make([]byte, test.payload), unix.UnixRights(fds...), nil, 0); err != nil {
				t.Fatal(err)
			}
			before := openFDs(t)
			n, got, err := ReceivePacket(b, make([]byte, 16))
			if !errors.Is(err, test.want) {
				t.Fatalf("got %d, %v, %v", n, got, err)
			}
			if test.want == nil && len(got) != test.fds {
				t.Errorf("got %d descriptors", len(got))
			}
			CloseAll(got)
			if after := openFDs(t); after != before {
				t.Errorf("%d descriptors open, %d before", after, before)
			}
		})
	}
}

func TestSendNeverWaitsAndNeverRaisesSIGPIPE(t *testing.T) {
	a, b := packetPair(t)
	var err error
	for sent := 0; err == nil; sent++ {
		if sent > 1<<20 {
			t.Fatal("the queue has no end")
		}
		err = SendPacket(a, bytes.Repeat([]byte{'x'}, 4096), nil)
	}
	if !errors.Is(err, ErrWouldBlock) {
		t.Errorf("a full queue gives %v", err)
	}
	if err := unix.Shutdown(b, unix.SHUT_RDWR); err != nil {
		t.Fatal(err)
	}
	if err := SendPacket(a, []byte("x"), nil); !errors.Is(err, unix.EPIPE) {
		t.Errorf("a closed peer gives %v", err)
	}
	if err := SendPacket(a, nil, nil); !errors.Is(err, unix.EINVAL) {
		t.Errorf("an empty packet gives %v", err)
	}
}
