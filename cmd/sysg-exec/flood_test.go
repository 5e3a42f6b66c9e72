package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// maxResident is what the system's helper may grow to, in bytes, whatever comes.
const maxResident = 30 << 20

// startBuilt starts the helper of a system's instance as it is built: this
// binary has the tests in it, which take memory.
func startBuilt(t *testing.T) *instance {
	t.Helper()
	i := startSystem(t)
	i.alive()
	i.kill9()
	i.binary = filepath.Join(t.TempDir(), "sysg-exec")
	if out, err := exec.Command("go", "build", "-o", i.binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	i.start()
	return i
}

// frames is how many frames a flood has.
func frames() int {
	if os.Getenv("TORTURE") != "" {
		return 300_000
	}
	return 10_000
}

// A stream of what may look like requests neither ends the helper nor makes it
// wait or grow, nor starts anything.
func TestAFloodOfNonsenseIsAnsweredAndForgotten(t *testing.T) {
	i := startBuilt(t)
	in := i.dial().install(runsAs(serviceUID, service("s", "exec sleep 600")))
	seeds := seedFrames(t, in)
	const seed = 1
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	before := i.openFDs()
	c, answered := i.dialDaemon(), 0
	for range frames() {
		frame := mangled(random, seeds)
		var fds []int
		for range random.IntN(4) * random.IntN(2) {
			fds = append(fds, int(null.Fd()))
		}
		if err := sys.SendPacket(c.fd, frame, fds); err == nil {
			poll := []unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLIN}}
			if n, err := sys.Poll(poll, int(patience.Milliseconds())); n != 1 {
				t.Fatalf("%q is not answered: %v", frame, err)
			}
		}
		answered += c.drain()
		if c.ended() {
			c.close()
			c = i.dialDaemon()
		}
	}
	c.close()
	for _, p := range i.dialDaemon().list() {
		t.Errorf("it made the helper launch %+v", p.Listed.Record.Launch)
	}
	if answered == 0 {
		t.Error("nothing was answered")
	}
	t.Logf("%d answers; %d KiB at most", answered, i.peak()>>10)
	if i.peak() > maxResident {
		t.Errorf("the helper has grown to %d KiB", i.peak()>>10)
	}
	eventually(t, func() bool { return i.openFDs() <= before+2 }, func() string {
		return fmt.Sprintf("%d descriptors before, %d after", before, i.openFDs())
	})
}

// seedFrames are whole requests, one of each kind but those that would end the
// helper or launch what is installed.
func seedFrames(t *testing.T, in spec.Installed) (all [][]byte) {
	t.Helper()
	l := request(in, "other")
	for n, r := range []spec.Request{
		{Hello: &spec.Hello{Version: spec.Version, Min: spec.Min}}, {Launch: &l}, {Install: &spec.Install{}}, {List: &spec.List{}},
		{Signal: &spec.Signal{Incarnation: l.Incarnation, Signal: 15}}, {Kill: &spec.Kill{Incarnation: l.Incarnation}},
		{Ack: &spec.Ack{Incarnations: []string{l.Incarnation}}}, {Listen: listenFor(in, "s", true, "web")},
		{Unlisten: &spec.Unlisten{Project: "test", Service: "s"}}, {Main: &spec.Main{Incarnation: l.Incarnation, PID: 1}},
		{Keep: &spec.Keep{Incarnation: l.Incarnation, Name: "x"}}, {Drop: &spec.Drop{Incarnation: l.Incarnation, Name: "x"}},
		{Activate: &spec.Activate{Project: "test", Number: 1}}, {Remove: &spec.Remove{Project: "test"}},
	} {
		r.ID = uint64(n + 1)
		text, err := spec.EncodeRequest(&r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	return all
}

// mangled is a frame with some bytes changed, cut or doubled, or one as it is.
func mangled(random *rand.Rand, seeds [][]byte) []byte {
	frame := append([]byte(nil), seeds[random.IntN(len(seeds))]...)
	for range random.IntN(4) {
		at := random.IntN(len(frame))
		switch random.IntN(4) {
		case 0:
			frame[at] = byte(random.Uint32())
		case 1:
			frame = append(frame[:at:at], frame[min(len(frame)-1, at+1+random.IntN(8)):]...)
		case 2:
			other := seeds[random.IntN(len(seeds))]
			frame = append(frame[:at:at], other[random.IntN(len(other)):]...)
		case 3:
			frame = append(frame, frame[at:]...)
		}
		if len(frame) == 0 {
			return []byte{0}
		}
	}
	return frame
}

// drain reads what has come, without waiting, and counts it.
func (c *client) drain() (count int) {
	buf := make([]byte, spec.MaxFrame)
	for {
		_, fds, err := sys.ReceivePacket(c.fd, buf)
		if err != nil {
			return count
		}
		sys.CloseAll(fds)
		count++
	}
}

// ended says whether the helper has hung up.
func (c *client) ended() bool {
	poll := []unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLIN}}
	n, _ := sys.Poll(poll, 0)
	return n > 0 && poll[0].Revents&unix.POLLHUP != 0
}

// eventually waits for what happens soon, and cannot be waited for otherwise.
func eventually(t *testing.T, holds func() bool, what func() string) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what())
		}
	}
}

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
	in := root.install(runsAs(serviceUID, service("s", "exec sleep 600")))
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
	in := i.dial().install(runsAs(serviceUID, service("s", "exec sleep 600")))
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
	first := runsAs(serviceUID, program("s", "/bin/sh", "-c", "echo up; exec sleep 600"))
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
	second := runsAs(serviceUID, program("s", "/bin/sh", "-c", listing))
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
