package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// These tests are a service's user who wants root to make or remove something
// for it where it could not itself: by what it puts in the way of its sockets.

// owned is a folder of the service's user, beside one of root's that holds a
// file, a socket and a FIFO.
func owned(t *testing.T) (dir, roots string) {
	t.Helper()
	base := openTo(t) + "/base"
	if err := os.Mkdir(base, 0o755); err != nil {
		t.Fatal(err)
	}
	dir, roots = base+"/own", base+"/roots"
	err := errors.Join(os.Mkdir(dir, 0o755), os.Chown(dir, serviceUID, serviceUID), os.Mkdir(roots, 0o755),
		os.WriteFile(roots+"/file", []byte("precious"), 0o644), unix.Mkfifo(roots+"/fifo", 0o600))
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil { // Nobody listens at it: it is as stale as can be.
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: roots + "/stale"})
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.Close(fd)
	return dir, roots
}

// untouched fails if anything of root's has changed.
func untouched(t *testing.T, roots string) {
	t.Helper()
	entries, err := os.ReadDir(roots)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		stat := info.Sys().(*syscall.Stat_t)
		all = append(all, fmt.Sprintf("%s %d %s", entry.Name(), stat.Uid, info.Mode().Type()))
	}
	const want = "fifo 0 p---------, file 0 ----------, stale 0 S---------"
	if got := strings.Join(all, ", "); got != want {
		t.Errorf("root's folder has %s, want %s", got, want)
	}
}

func withSocket(kind generation.SocketKind, path string) generation.LaunchService {
	s := runsAs(serviceUID, service("s", "exec sleep 600"))
	s.Sockets = []generation.Socket{socketAt("web", kind, path)}
	return s
}

func TestASocketBelongsToItsServicesUser(t *testing.T) {
	i := startSystem(t)
	dir, roots := owned(t)
	c := i.dial()
	for _, path := range []string{dir + "/web", roots + "/web"} {
		for _, kind := range []generation.SocketKind{generation.SocketUnix, generation.SocketUnixPacket, generation.SocketFIFO} {
			s := withSocket(kind, path)
			s.Sockets[0].Mode = 0o620
			in := c.install(s)
			for range 2 { // And again, when it is there.
				if p := c.listen(listenFor(in, "s", false)); p.Listening == nil {
					t.Fatalf("%s at %s: %+v", kind, path, p.Refused)
				}
			}
			info, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			stat := info.Sys().(*syscall.Stat_t)
			if stat.Uid != serviceUID || stat.Gid != serviceUID || stat.Mode&0o777 != 0o620 {
				t.Errorf("%s at %s belongs to %d:%d, mode %o", kind, path, stat.Uid, stat.Gid, stat.Mode)
			}
			c.done(spec.Request{Unlisten: &spec.Unlisten{Project: "test", Service: "s"}})
			if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s at %s is left: %v", kind, path, err)
			}
		}
	}
	untouched(t, roots)
}

// Nobody connects any more once an Unlisten is answered, whoever still has a copy
// of the listener: here it is we.
func TestWhatIsNotListenedAtRefuses(t *testing.T) {
	i := startSystem(t)
	dir, _ := owned(t)
	c := i.dial()
	port := freePort(t)
	for network, at := range map[string]struct {
		kind    generation.SocketKind
		address string
	}{
		"tcp":        {generation.SocketTCP, "127.0.0.1:" + port},
		"unix":       {generation.SocketUnix, dir + "/web"},
		"unixpacket": {generation.SocketUnixPacket, dir + "/web"},
	} {
		in := c.install(withSocket(at.kind, at.address))
		held := c.listen(listenFor(in, "s", false))
		if held.Listening == nil {
			t.Fatalf("%s: %+v", network, held.Refused)
		}
		if at.kind != generation.SocketTCP {
			if err := os.Link(at.address, at.address+network); err != nil { // The path itself goes away.
				t.Fatal(err)
			}
			at.address += network
		}
		conn, err := net.Dial(network, at.address)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		c.done(spec.Request{Unlisten: &spec.Unlisten{Project: "test", Service: "s"}})
		if _, err := net.Dial(network, at.address); !errors.Is(err, unix.ECONNREFUSED) {
			t.Errorf("%s: dialing says %v", network, err)
		}
	}
}

// What stands in the way of a socket is not touched, unless it is the owner's
// own, left behind by an earlier one.
func TestOnlyAnOwnersStaleSocketIsTakenAway(t *testing.T) {
	i := startSystem(t)
	c := i.dial()
	for name, put := range map[string]func(dir, roots string) error{
		"root's stale socket, linked":  func(dir, roots string) error { return os.Symlink(roots+"/stale", dir+"/web") },
		"the same, by a hard link":     func(dir, roots string) error { return os.Link(roots+"/stale", dir+"/web") },
		"root's file, linked":          func(dir, roots string) error { return os.Symlink(roots+"/file", dir+"/web") },
		"the same, by a hard link too": func(dir, roots string) error { return os.Link(roots+"/file", dir+"/web") },
		"root's FIFO, linked":          func(dir, roots string) error { return os.Symlink(roots+"/fifo", dir+"/web") },
		"root's FIFO, by a hard link":  func(dir, roots string) error { return os.Link(roots+"/fifo", dir+"/web") },
		"nothing, below a link":        func(dir, roots string) error { return errors.Join(os.Remove(dir), os.Symlink(roots, dir)) },
		"nothing, in root's by a link": func(dir, roots string) error { return os.Symlink(roots+"/new", dir+"/web") },
		"a folder that is not its own": func(dir, roots string) error { return os.Chown(dir, strangerUID, 0) },
		"its own, below a link": func(dir, roots string) error {
			base := filepath.Dir(dir)
			return errors.Join(os.Rename(base, base+"2"), os.Symlink(base+"2", base), os.Lchown(base, serviceUID, serviceUID))
		},
		"a device": func(dir, roots string) error { return unix.Mknod(dir+"/web", unix.S_IFCHR|0o666, 1<<8|3) },
		"a stranger's stale socket": func(dir, roots string) error {
			return errors.Join(os.Rename(roots+"/stale", dir+"/web"), os.Chown(dir+"/web", strangerUID, 0), os.Chmod(dir+"/web", 0o777))
		},
	} {
		dir, roots := owned(t)
		if err := put(dir, roots); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []generation.SocketKind{generation.SocketUnix, generation.SocketFIFO} {
			in := c.install(withSocket(kind, dir+"/web"))
			if p := c.listen(listenFor(in, "s", false)); p.Refused == nil {
				t.Errorf("%s: a %s was made", name, kind)
			}
			c.ask(spec.Request{Unlisten: &spec.Unlisten{Project: "test", Service: "s"}})
			c.answer()
		}
		if name == "a stranger's stale socket" {
			if _, err := os.Lstat(dir + "/web"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		untouched(t, roots)
	}
	dir, _ := owned(t)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: dir + "/web"}), os.Chown(dir+"/web", serviceUID, serviceUID))
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.Close(fd)
	if p := c.listen(listenFor(c.install(withSocket(generation.SocketUnix, dir+"/web")), "s", false)); p.Listening == nil {
		t.Errorf("its own stale socket is in the way: %+v", p.Refused)
	}
}

// races is how often a path is exchanged: shortly, or for TORTURE=1 as often as
// it takes to hit a moment of a microsecond.
func races() int64 {
	if os.Getenv("TORTURE") != "" {
		return 1_000_000
	}
	return 20_000
}

// atLeast is how often it is tried at the least. With the race detector a launch
// takes ten times as long, and it is not its races that are looked for.
func atLeast(tries int) int {
	if raced {
		return tries / 4
	}
	return tries
}

// exchanging renames dir and a link to root's folder over one another, as their
// user, until the test ends; times says how often it has.
func exchanging(t *testing.T, dir, roots string) (times *atomic.Int64) {
	t.Helper()
	times = &atomic.Int64{}
	base := filepath.Dir(dir)
	if err := errors.Join(os.Chown(base, serviceUID, serviceUID), os.Symlink(roots, base+"/link")); err != nil {
		t.Fatal(err)
	}
	var over atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		asUser(serviceUID, func() {
			for !over.Load() {
				if err := unix.Renameat2(unix.AT_FDCWD, dir, unix.AT_FDCWD, base+"/link", unix.RENAME_EXCHANGE); err != nil {
					t.Errorf("the attack does not work: %v", err)
					return
				}
				times.Add(1)
			}
		})
	}()
	t.Cleanup(func() { over.Store(true); <-ended })
	return times
}

func TestAFolderThatIsExchangedMeanwhileLeadsNowhere(t *testing.T) {
	i := startSystem(t)
	c := i.dial()
	for _, kind := range []generation.SocketKind{generation.SocketUnix, generation.SocketFIFO} {
		dir, roots := owned(t)
		names := []string{"stale", "fifo", "new"}
		var services []generation.LaunchService
		for _, name := range names {
			s := withSocket(kind, dir+"/"+name)
			s.Name = name
			services = append(services, s)
		}
		in := c.install(services...)
		times := exchanging(t, dir, roots)
		tries, made := 0, 0
		for times.Load() < races() || tries < 300 || made == 0 || made == tries { // Until both have been met.
			if t.Failed() || tries > 1_000_000 {
				break
			}
			name := names[tries%len(names)]
			if p := c.listen(listenFor(in, name, false)); p.Listening != nil {
				made++
			}
			c.done(spec.Request{Unlisten: &spec.Unlisten{Project: "test", Service: name}})
			tries++
		}
		t.Logf("%s: made %d times of %d, while it was exchanged %d times", kind, made, tries, times.Load())
		if made == 0 || made == tries {
			t.Errorf("the race was never open: %d of %d", made, tries)
		}
		untouched(t, roots)
	}
	i.alive()
}
