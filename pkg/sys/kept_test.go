package sys

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOnlyWhatCannotHangIsKeepable(t *testing.T) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	memory, err := SealedMemfd("x", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	event, err := NewEventfd()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	path, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer CloseAll([]int{pipe[0], pipe[1], socket, memory, event, int(file.Fd()), path})
	for _, test := range []struct {
		name          string
		fd            int
		channel, kept bool
	}{
		{"a pipe", pipe[0], true, true}, {"its other end", pipe[1], true, true}, {"a socket", socket, true, true}, {"memory", memory, false, true},
		{"an eventfd", event, false, false}, {"a file", int(file.Fd()), false, false}, {"a path", path, false, false},
	} {
		if got := Channel(test.fd) == nil; got != test.channel {
			t.Errorf("%s is a channel: %t", test.name, got)
		}
		if got := Keepable(test.fd) == nil; got != test.kept {
			t.Errorf("%s can be kept: %t", test.name, got)
		}
	}
}
