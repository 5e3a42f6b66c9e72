package sys

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSealedMemfdCanBeReadAndNeverChanged(t *testing.T) {
	content := bytes.Repeat([]byte("generation\n"), 10_000)
	fd, err := SealedMemfd("test", content)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for range 2 { // The offset does not move.
		if got, err := ReadSealed(fd, len(content)); err != nil || !bytes.Equal(got, content) {
			t.Fatalf("got %d bytes, %v", len(got), err)
		}
	}
	if _, err := unix.Pwrite(fd, []byte("x"), 0); err != unix.EPERM {
		t.Errorf("writing gives %v", err)
	}
	if err := unix.Ftruncate(fd, 0); err != unix.EPERM {
		t.Errorf("truncating gives %v", err)
	}
}

func TestReadSealedTakesAnEmptyMemfd(t *testing.T) {
	fd, err := SealedMemfd("test", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if got, err := ReadSealed(fd, 0); err != nil || len(got) != 0 {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestReadSealedRefuses(t *testing.T) {
	partly := func(seals int) func(*testing.T) int {
		return func(t *testing.T) int {
			fd, err := unix.MemfdCreate("test", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
				t.Fatal(err)
			}
			return fd
		}
	}
	for _, test := range []struct {
		name string
		open func(*testing.T) int
		want string
	}{
		{"more than the limit", func(t *testing.T) int {
			fd, err := SealedMemfd("test", make([]byte, 101))
			if err != nil {
				t.Fatal(err)
			}
			return fd
		}, "too large"},
		{"no seal", partly(0), "lacks seals"},
		{"no F_SEAL_WRITE", partly(allSeals &^ unix.F_SEAL_WRITE), "lacks seals"},
		{"no F_SEAL_SHRINK", partly(allSeals &^ unix.F_SEAL_SHRINK), "lacks seals"},
		{"no F_SEAL_GROW", partly(allSeals &^ unix.F_SEAL_GROW), "lacks seals"},
		{"no F_SEAL_SEAL", partly(allSeals &^ unix.F_SEAL_SEAL), "lacks seals"},
		{"a pipe", func(t *testing.T) int {
			r, w, err := LogPipe()
			if err != nil {
				t.Fatal(err)
			}
			_ = unix.Close(w)
			return r
		}, "not a memfd"},
		{"a file", func(t *testing.T) int {
			fd, err := unix.Open(os.Args[0], unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			return fd
		}, "not a memfd"},
	} {
		t.Run(test.name, func(t *testing.T) {
			fd := test.open(t)
			defer unix.Close(fd)
			if _, err := ReadSealed(fd, 100); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
