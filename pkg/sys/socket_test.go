package sys

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestDialReachesTheListenerAndBothKnowThePeer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	listener, err := ListenPacket(path)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(listener)
	if entry, err := os.Lstat(path); err != nil || entry.Mode().Perm() != 0o600 {
		t.Errorf("the socket's file has mode %v, %v", entry.Mode(), err)
	}
	if _, err := Accept(listener); !errors.Is(err, ErrWouldBlock) {
		t.Errorf("accept with nobody there gives %v", err)
	}

	client, err := DialPacket(path)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(client)
	server, err := Accept(listener)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(server)

	self := Credentials{PID: os.Getpid(), UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
	for name, fd := range map[string]int{"client": client, "server": server} {
		if peer, err := Peer(fd); err != nil || peer != self {
			t.Errorf("the %s sees %+v, %v", name, peer, err)
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
			t.Errorf("the %s blocks: %v", name, err)
		}
		if kind, err := SocketType(fd); err != nil || kind != SeqPacket {
			t.Errorf("the %s has type %d, %v", name, kind, err)
		}
	}
	for fd, want := range map[int]bool{listener: true, server: false} {
		if got, err := Listening(fd); err != nil || got != want {
			t.Errorf("Listening(%d) = %v, %v", fd, got, err)
		}
	}
}

func TestSocketPathsThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken")
	if err := os.WriteFile(taken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before := openFDs(t)
	if _, err := ListenPacket(taken); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("listening at a file gives %v", err)
	}
	if _, err := DialPacket(filepath.Join(dir, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("connecting to nothing gives %v", err)
	}
	if _, err := DialPacket(taken); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("connecting to a file gives %v", err)
	}
	for _, path := range []string{"", strings.Repeat("x", maxSocketPath+1)} {
		if _, err := ListenPacket(path); err == nil {
			t.Errorf("listening at %q succeeded", path)
		}
	}
	if _, err := SocketType(int(os.Stdin.Fd())); err == nil {
		t.Error("standard input passes for a socket")
	}
	if after := openFDs(t); after != before {
		t.Errorf("%d descriptors open, %d before", after, before)
	}
}
