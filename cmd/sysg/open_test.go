package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"systemg.org/sysg/pkg/manifest"
)

// self is the caller that the tests run as, with a private group that is its own.
func self() manifest.Caller {
	return manifest.Caller{EUID: uint32(os.Geteuid()), PrivateGID: uint32(os.Getegid()), HasPrivate: true}
}

func write(t *testing.T, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "systemg.yaml")
	if err := os.WriteFile(file, []byte("services: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
	return file
}

func wantRefusal(t *testing.T, err error, reason string) {
	t.Helper()
	var untrusted *manifest.Untrusted
	if !errors.As(err, &untrusted) || !strings.Contains(untrusted.Reason, reason) {
		t.Fatalf("got %v, want a refusal with %q", err, reason)
	}
}

func TestOwnFileIsRead(t *testing.T) {
	text, err := trustedOpener(self())(write(t, 0o644))
	if err != nil || string(text) != "services: {}\n" {
		t.Fatalf("got %q, %v", text, err)
	}
}

func TestMissingFileSaysSo(t *testing.T) {
	_, err := trustedOpener(self())(filepath.Join(t.TempDir(), "none.yaml"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v, want ErrNotExist", err)
	}
}

func TestWorldWritableIsRefused(t *testing.T) {
	_, err := trustedOpener(self())(write(t, 0o646))
	wantRefusal(t, err, "everybody")
}

func TestGroupWritableNeedsThePrivateGroup(t *testing.T) {
	file := write(t, 0o664)
	if _, err := trustedOpener(self())(file); err != nil {
		t.Fatalf("with the private group: %v", err)
	}
	caller := self()
	caller.HasPrivate = false
	_, err := trustedOpener(caller)(file)
	wantRefusal(t, err, "group")
}

func TestSymlinkIsForUserModeOnly(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link.yaml")
	if err := os.Symlink(write(t, 0o644), link); err != nil {
		t.Fatal(err)
	}
	if _, err := trustedOpener(self())(link); err != nil {
		t.Fatalf("in user mode: %v", err)
	}
	caller := self()
	caller.System = true
	_, err := trustedOpener(caller)(link)
	wantRefusal(t, err, "symbolic link")
}

func TestDanglingSymlinkIsMissing(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link.yaml")
	if err := os.Symlink("nowhere", link); err != nil {
		t.Fatal(err)
	}
	if _, err := trustedOpener(self())(link); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v, want ErrNotExist", err)
	}
}

func TestFIFOIsRefusedWithoutWaitingForAWriter(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "systemg.yaml")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	refused := make(chan error, 1)
	go func() {
		_, err := trustedOpener(self())(fifo)
		refused <- err
	}()
	select {
	case err := <-refused:
		wantRefusal(t, err, "regular")
	case <-time.After(10 * time.Second):
		t.Fatal("still waiting for a writer")
	}
}

func TestDirectoryAndDeviceAreRefused(t *testing.T) {
	for _, path := range []string{t.TempDir(), "/dev/null"} {
		_, err := trustedOpener(self())(path)
		wantRefusal(t, err, "regular")
	}
}

func TestFileOfAnotherUserIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI must run this as root")
		}
		t.Skip("only root can give a file away")
	}
	file := write(t, 0o644)
	if err := os.Chown(file, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	_, err := trustedOpener(self())(file)
	wantRefusal(t, err, "belongs to uid 12345")
}

func TestNoMoreThanTheBoundIsRead(t *testing.T) {
	file := write(t, 0o644)
	if err := os.Truncate(file, 1<<40); err != nil {
		t.Fatal(err)
	}
	text, err := trustedOpener(self())(file)
	if err != nil || len(text) != manifest.MaxDocument+1 {
		t.Fatalf("read %d bytes, %v", len(text), err)
	}
}

func TestPrivateGroup(t *testing.T) {
	const passwd = "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\nbob:x:1001:100::/home/bob:/bin/sh\n" +
		"cat:x:1002:100::/home/cat:/bin/sh\ndan:x:1003:1003::/home/dan:/bin/sh\neve:x:1004:1004::/home/eve:/bin/sh\nodd\n"
	const group = "root:x:0:\nada:x:1000:ada\nusers:x:100:\ndan:x:1003:dan,ada\nstaff:x:1004:\n"
	for _, test := range []struct {
		name  string
		uid   uint32
		found bool
	}{
		{"root's group is root's own", 0, true},
		{"a group that lists only its user", 1000, true},
		{"a primary group of two users", 1001, false},
		{"a group that lists somebody else", 1003, false},
		{"a group with another name", 1004, false},
		{"a user who is not in the file", 4242, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			gid, found := privateGroup([]byte(passwd), []byte(group), test.uid)
			if found != test.found || found && gid != test.uid {
				t.Errorf("got %d, %v", gid, found)
			}
		})
	}
}
