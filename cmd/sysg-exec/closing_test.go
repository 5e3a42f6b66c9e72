package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// These tests send descriptors that cannot be closed, or used, without waiting
// for whoever made them; see discard.go.

// lingering is the only descriptor of a connection whose close waits for data to
// be taken that nobody takes, before release.
func lingering(t *testing.T) (fd int, release func()) {
	t.Helper()
	// A receiver with little room, and none to come.
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 4096) })
	}}
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 256<<10)
		err = unix.Connect(fd, &unix.SockaddrInet4{Port: listener.Addr().(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}})
	}
	var far net.Conn
	if err == nil {
		far, err = listener.Accept()
	}
	if err == nil {
		err = errors.Join(unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1, Linger: 600}), unix.SetNonblock(fd, true))
	}
	if err != nil {
		t.Fatal(err)
	}
	release = func() { _ = far.Close(); _ = listener.Close() }
	t.Cleanup(release)
	for err == nil {
		_, err = unix.Write(fd, make([]byte, 64<<10))
	}
	return fd, release
}

// Descriptors whose close would take ten minutes do not keep the helper from
// anybody: neither those that it is asked to do something with, nor those that
// are in a queue when it hangs up, nor more than it can take.
func TestDescriptorsThatCannotBeClosedHoldNobodyUp(t *testing.T) {
	i := startSystem(t)
	root := i.dial()
	in := root.install(storing(service("s", "exec sleep 600")))
	c := i.dialDaemon()
	c.list()
	p := c.launch(in, "s")
	keep, err := spec.EncodeRequest(&spec.Request{ID: 90, Keep: &spec.Keep{Incarnation: p.id, Name: "x"}})
	if err != nil {
		t.Fatal(err)
	}
	list := []byte(`{"id":91,"list":{}}`)
	helper := i.command.Process
	// lastHeldBy has the helper be the last one who holds what is sent.
	lastHeldBy := func(socket int, frame []byte) {
		if err := helper.Signal(unix.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		fd, _ := lingering(t)
		for range 3 { // More than one, of which the first may end the connection.
			if err := sys.SendPacket(socket, frame, []int{fd, fd}); err != nil {
				t.Fatal(err)
			}
		}
		_ = unix.Close(fd)
		if err := helper.Signal(unix.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	for name, frame := range map[string][]byte{"stored": keep, "stray": list, "nonsense": []byte("x")} {
		for range 2 {
			one := i.dialDaemon()
			lastHeldBy(one.fd, frame)
			one.close()
			begin := time.Now()
			i.dialDaemon().list()
			if took := time.Since(begin); took > 5*time.Second {
				t.Fatalf("%s: the helper answered after %s", name, took)
			}
		}
	}
	asker, err := sys.DialPacket(i.spawnSocket())
	if err != nil {
		t.Fatal(err)
	}
	lastHeldBy(asker, []byte("x"))
	_ = unix.Close(asker)
	i.dialDaemon().list()
	root.ask(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
	if a := root.answer(); a.Done == nil {
		t.Errorf("root was answered by %+v", a.Reply)
	}
}

// A descriptor of a file system that does not answer is not stored, and not
// waited for.
func TestAFileOfADeadFileSystemIsNotStored(t *testing.T) {
	dead, _ := deadMount(t)
	file, err := unix.Open(dead, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(file)
	i := startSystem(t)
	in := i.dial().install(storing(service("s", "exec sleep 600")))
	c := i.dialDaemon()
	c.list()
	p := c.launch(in, "s")
	ordinary, err := os.Open("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	defer ordinary.Close()
	for _, fd := range []int{file, int(ordinary.Fd())} {
		c.ask(spec.Request{Keep: &spec.Keep{Incarnation: p.id, Name: "x"}}, fd)
		if a := c.answer(); a.Refused == nil || a.Refused.Reason != spec.ReasonInvalid {
			t.Errorf("it was answered by %+v", a.Reply)
		}
	}
	memory, err := sys.SealedMemfd("state", []byte("state"))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(memory)
	c.ask(spec.Request{Keep: &spec.Keep{Incarnation: p.id, Name: "x"}}, memory)
	if a := c.answer(); a.Done == nil {
		t.Errorf("memory was answered by %+v", a.Refused)
	}
}

// A Keep whose turn comes late stores what came with it, not what has its number
// by then.
func TestWhatIsKeptLateIsWhatCame(t *testing.T) {
	dead, revive := deadMount(t)
	i := startSystem(t, "--launch-timeout", "500ms")
	root, c := i.dial(), i.dialDaemon()
	c.list()
	first := storing(program("s", "/bin/sh", "-c", "echo up; exec sleep 600"))
	p := c.launch(root.install(first), "s")
	readUntil(t, p.out, "up")
	hanging := first
	hanging.Sockets = []generation.Socket{socketAt("web", generation.SocketUnix, dead+"/web")}
	in := root.install(hanging)
	c.ask(spec.Request{Listen: listenFor(in, "s", false)})
	listenID := c.last
	memory, err := sys.SealedMemfd("ours", []byte("ours"))
	if err != nil {
		t.Fatal(err)
	}
	c.ask(spec.Request{Keep: &spec.Keep{Incarnation: p.id, Name: "x"}}, memory)
	keepID := c.last
	_ = unix.Close(memory)
	for range 8 { // Which take numbers that have become free.
		defer i.dial().close()
	}
	c.wait(func(p packet) bool { return p.ID == listenID })
	if a := c.wait(func(p packet) bool { return p.ID == keepID }); a.Done == nil {
		t.Fatalf("it was answered by %+v", a.Refused)
	}
	revive()
	c.done(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
	c.over(p.id)
	second := storing(program("s", "/bin/sh", "-c", listing))
	p = c.launch(root.install(second), "s")
	want(t, "what it was handed", readUntil(t, p.out, "end\n"), fmt.Sprintf(
		"pid %d\nLISTEN_FDNAMES=x\nLISTEN_FDS=1\nLISTEN_PID=%d\nfd3 /memfd:ours (deleted)\nend\n", p.pid, p.pid))
}

// With more than it can close it listens to nobody new, goes on for root and for
// services, and comes back once it has closed them.
func TestMoreThanCanBeClosedIsNotTaken(t *testing.T) {
	i := startSystem(t)
	root := i.dial()
	root.list()
	helper := i.command.Process
	if err := helper.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var releases []func()
	var stuck []int
	for range maxClosers {
		fd, release := lingering(t)
		stuck, releases = append(stuck, fd), append(releases, release)
	}
	if err := os.Chmod(i.socket, 0o666); err != nil {
		t.Fatal(err)
	}
	var hostile []int
	for _, fds := range [][]int{stuck, nullFDs(t, 250), nullFDs(t, 250)} {
		asUser(daemonUID, func() { hostile = append(hostile, connected(t, i.socket)) })
		if err := unix.Sendmsg(hostile[len(hostile)-1], []byte("x"), unix.UnixRights(fds...), nil, 0); err != nil {
			t.Fatal(err)
		}
		sys.CloseAll(fds)
	}
	if err := helper.Signal(unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for _, fd := range hostile { // It is paused by the last of them.
		_, _ = sys.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 1000)
	}
	root.list()
	asUser(daemonUID, func() { hostile = append(hostile, connected(t, i.socket)) })
	late := &client{t: t, fd: hostile[len(hostile)-1]}
	late.raw([]byte(helloFrame))
	if n, _ := sys.Poll([]unix.PollFd{{Fd: int32(late.fd), Events: unix.POLLIN}}, 200); n != 0 {
		t.Error("somebody new is answered")
	}
	in := root.install(runsAs(serviceUID, service("s", "echo up; exec sleep 600")))
	readUntil(t, root.launch(in, "s").out, "up")
	for _, release := range releases {
		release()
	}
	if p, err := late.receive(); err != nil || p.Hello == nil {
		t.Errorf("afterwards it is answered by %+v, %v", p.Reply, err)
	}
	sys.CloseAll(hostile)
}

func connected(t *testing.T, path string) int {
	t.Helper()
	fd, err := sys.DialPacket(path)
	if err != nil {
		t.Error(err)
	}
	return fd
}

func nullFDs(t *testing.T, count int) (fds []int) {
	t.Helper()
	for range count {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, fd)
	}
	return fds
}

// storing is a service that may store descriptors.
func storing(s generation.LaunchService) generation.LaunchService {
	s.Notify = true
	return runsAs(serviceUID, s)
}

// Nobody stores anything for a service that cannot have asked for it.
func TestNothingIsStoredForAServiceThatStoresNothing(t *testing.T) {
	i := startSystem(t)
	in := i.dial().install(runsAs(serviceUID, service("mute", "exec sleep 600")), storing(service("s", "exec sleep 600")))
	c := i.dialDaemon()
	c.list()
	mute, s := c.launch(in, "mute"), c.launch(in, "s")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	c.ask(spec.Request{Keep: &spec.Keep{Incarnation: mute.id, Name: "x"}}, int(r.Fd()))
	if a := c.answer(); a.Refused == nil {
		t.Errorf("it was answered by %+v", a.Reply)
	}
	c.ask(spec.Request{Keep: &spec.Keep{Incarnation: s.id, Name: "x"}}, int(r.Fd()))
	if a := c.answer(); a.Done == nil {
		t.Errorf("one that stores was answered by %+v", a.Refused)
	}
}
