package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// dials is a program that connects to a socket of ours (SOCK_SEQPACKET is 5),
// sends one frame, and says what it is answered, or "cut off".
func dials(socket, frame string) string {
	return `exec perl -e 'use Socket; socket(S, AF_UNIX, 5, 0) or die; unless (connect(S, sockaddr_un($ARGV[0]))) { print "refused\n"; sleep 600 } send(S, $ARGV[1], 0); ` +
		`my $n = sysread(S, my $answer, 65536); $| = 1; print $n ? "$answer\n" : "cut off\n"; sleep 600' '` + socket + `' '` + frame + `'`
}

const helloFrame = `{"id":1,"hello":{"version":1,"min":1}}`

// Whoever is inside a service is neither root nor the daemon, whatever its uid.
func TestNobodyInsideAServiceIsListenedTo(t *testing.T) {
	i := startSystem(t)
	if err := os.Chmod(i.socket, 0o666); err != nil {
		t.Fatal(err)
	}
	c := i.dial()
	c.list()
	for _, uid := range []uint32{0, daemonUID, serviceUID} {
		s := runsAs(uid, service("s", dials(i.socket, helloFrame)))
		p := c.launch(c.install(s), "s")
		if said := readUntil(t, p.out, "\n"); said != "cut off\n" {
			t.Errorf("uid %d is answered %q", uid, said)
		}
		c.done(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
		c.over(p.id)
	}
	// And it is the cgroup that decides, not the way to it.
	s := runsAs(0, service("s", "("+dials(i.socket, helloFrame)+") & wait"))
	p := c.launch(c.install(s), "s")
	if said := readUntil(t, p.out, "\n"); said != "cut off\n" {
		t.Errorf("a process of a process is answered %q", said)
	}
}

// A connection that its maker left to somebody is worth nothing.
func TestAConnectionWhoseMakerIsGoneIsCutOff(t *testing.T) {
	i := startSystem(t)
	i.alive()
	helper := i.command.Process
	if err := helper.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	out := leavesConnection(t, i.socket)
	if err := helper.Signal(unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if said := out(); said != "up\ncut off" {
		t.Errorf("it says %q", said)
	}
}

// leavesConnection has a process connect, leave its connection to a child, and end;
// out is what both say.
func leavesConnection(t *testing.T, socket string) (out func() string) {
	t.Helper()
	script := `use Socket; $^F = 100; socket(S, AF_UNIX, 5, 0) or die; connect(S, sockaddr_un($ARGV[0])) or die; ` +
		`if (fork) { print "up\n"; exit } send(S, $ARGV[1], 0); my $n = sysread(S, my $answer, 65536); print $n ? $answer : "cut off"`
	pid, out := startPerl(t, script, socket, helloFrame)
	if _, err := unix.Wait4(pid, nil, 0, nil); err != nil {
		t.Fatal(err)
	}
	return out
}

// startPerl starts a script, and returns what it, and its children, said.
func startPerl(t *testing.T, script string, args ...string) (pid int, out func() string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	process, err := os.StartProcess("/usr/bin/perl", append([]string{"perl", "-e", script}, args...), &os.ProcAttr{Files: []*os.File{nil, w, os.Stderr}})
	_ = w.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return process.Pid, func() string {
		var text strings.Builder
		buf := make([]byte, 4096)
		for {
			n, err := r.Read(buf)
			text.Write(buf[:max(n, 0)])
			if err != nil {
				return text.String()
			}
		}
	}
}

// Children are for those inside, of their own service.
func TestOnlyAServiceAsksForItsChildren(t *testing.T) {
	i := startSystem(t)
	c := i.dial()
	c.list()
	limits := generation.Spawn{Children: 9, Depth: 1, Descendants: 9}
	frame := `{"name":"x","argv":["/bin/sh","-c","id -u; grep CapEff /proc/self/status"]}`
	asks := runsAs(serviceUID, spawning("s", dials(i.spawnSocket(), frame), limits))
	plain := runsAs(strangerUID, spawning("other", "exec sleep 600", limits))
	silent := runsAs(serviceUID, service("silent", dials(i.spawnSocket(), frame)))
	in := c.install(asks, plain, silent)
	other := c.launch(in, "other")
	p := c.launch(in, "s")
	if r := answerOf(t, readUntil(t, p.out, "\n")); r.Error != "" {
		t.Fatalf("it was refused: %s", r.Error)
	}
	child := c.spawned(p.id)
	if said := readAll(t, child.fds[1]); said != fmt.Sprintf("%d\nCapEff:\t0000000000000000\n", serviceUID) {
		t.Errorf("its child says %q", said)
	}
	if r := answerOf(t, readUntil(t, c.launch(in, "silent").out, "\n")); r.Error == "" {
		t.Error("a service that may not have children has one")
	}
	for _, uid := range []int{strangerUID, daemonUID, serviceUID} {
		asUser(uid, func() {
			for _, pid := range []int{p.pid, other.pid, os.Getpid(), 1} {
				text, err := askSpawn(i.spawnSocket(), fmt.Appendf(nil, `{"name":"x","argv":["id"],"parent_pid":%d}`, pid))
				if err == nil && answerOf(t, string(text)).Error == "" {
					t.Errorf("uid %d was answered for process %d by %s, %v", uid, pid, text, err)
				}
			}
		})
	}
}

// A process that has become somebody else does not get its service's user back by
// a child, and root's is still refused nothing.
func TestAWorkerThatGaveUpItsUserHasNoChildrenAsThat(t *testing.T) {
	i := startSystem(t)
	c := i.dial()
	c.list()
	frame := `{"name":"x","argv":["/usr/bin/id","-u"]}`
	ask := strings.TrimPrefix(dials(i.spawnSocket(), frame), "exec ")
	s := runsAs(0, spawning("s", "setpriv --reuid 54322 --regid 54322 --clear-groups "+ask+" & "+ask, generation.Spawn{Children: 9, Depth: 1, Descendants: 9}))
	s.Confinement.Capabilities = 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID
	p := c.launch(c.install(s), "s")
	var answers []string
	for text := ""; strings.Count(text, "\n") < 2; {
		text += readUntil(t, p.out, "\n")
		answers = strings.Split(strings.TrimSpace(text), "\n")
	}
	refused := 0
	for _, text := range answers {
		if r := answerOf(t, text); strings.Contains(r.Error, "user 54322 may not ask for a child") {
			refused++
		} else if r.Error != "" {
			t.Errorf("it was answered %q", text)
		}
	}
	if refused != 1 {
		t.Errorf("%d were refused: %q", refused, answers)
	}
}

// What sysgd gives back to a later helper is what the earlier one made.
func TestOnlyOurOwnSocketsAreTakenBack(t *testing.T) {
	i := startSystem(t)
	address, dir := "127.0.0.1:"+freePort(t), openTo(t)
	s := runsAs(serviceUID, service("s", "exec sleep 600"))
	s.Sockets = []generation.Socket{
		socketAt("web", generation.SocketTCP, address), socketAt("un", generation.SocketUnix, dir+"/un"),
		socketAt("pipe", generation.SocketFIFO, dir+"/pipe"), socketAt("given", generation.SocketInherit, "given"),
	}
	in := i.dial().install(s)
	given, err := net.Listen("unix", dir+"/given")
	if err != nil {
		t.Fatal(err)
	}
	givenFile, err := given.(*net.UnixListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer givenFile.Close()
	c := i.dialDaemon()
	first := c.listen(listenFor(in, "s", false, "given"), int(givenFile.Fd()))
	if first.Listening == nil {
		t.Fatalf("answered by %+v", first.Refused)
	}
	if _, err := unix.Write(first.fds[2], []byte("waits")); err != nil {
		t.Fatal(err)
	}
	i.kill9()
	i.endHolder()
	i.start()
	c = i.dialDaemon()
	again := c.listen(listenFor(in, "s", false, "web", "un", "pipe", "given"), first.fds...)
	if again.Listening == nil {
		t.Fatalf("answered by %+v", again.Refused)
	}
	for n := range first.fds {
		if n != 2 && !sys.SameFile(first.fds[n], again.fds[n]) {
			t.Errorf("socket %d is another one", n)
		}
	}
	buf := make([]byte, 8)
	if n, _ := unix.Read(again.fds[2], buf); string(buf[:max(n, 0)]) != "waits" {
		t.Errorf("the FIFO has %q", buf[:max(n, 0)])
	}
	// The same address, with the daemon at the other end of it.
	i.kill9()
	i.endHolder()
	sys.CloseAll(append(append([]int(nil), first.fds[:2]...), again.fds[:2]...))
	for n := range 2 {
		first.fds[n], again.fds[n] = -1, -1 // Not to be closed twice.
	}
	forged, err := net.Listen("tcp", address)
	// The kernel closes what was on its way in a socket a moment after the processes
	// that could have received it are gone.
	for deadline := time.Now().Add(patience); errors.Is(err, unix.EADDRINUSE) && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
		forged, err = net.Listen("tcp", address)
	}
	if err != nil {
		t.Fatal(err)
	}
	forgedFile, err := forged.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer forgedFile.Close()
	i.start()
	c = i.dialDaemon()
	if p := c.listen(listenFor(in, "s", false, "web"), int(forgedFile.Fd())); p.Refused == nil || p.Refused.Reason != spec.ReasonInvalid {
		t.Errorf("a forged one was answered by %+v", p.Reply)
	}
	passwd, err := os.Open("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	defer passwd.Close()
	if p := c.listen(listenFor(in, "s", false, "given"), int(passwd.Fd())); p.Refused == nil || p.Refused.Reason != spec.ReasonInvalid {
		t.Errorf("a file was answered by %+v", p.Reply)
	}
}

// The notify socket is its service's alone.
func TestANotifySocketIsItsUsers(t *testing.T) {
	i := startSystem(t)
	c := i.dial()
	c.list()
	s := runsAs(serviceUID, service("s", `echo $NOTIFY_SOCKET; exec sleep 600`))
	s.Notify = true
	p := c.launch(c.install(s), "s")
	path := strings.TrimSpace(readUntil(t, p.out, "\n"))
	for restarted := range 2 {
		for uid, want := range map[int]error{serviceUID: nil, strangerUID: unix.EACCES, daemonUID: unix.EACCES} {
			asUser(uid, func() {
				if err := sendTo(path); err != want {
					t.Errorf("restarted %d times: uid %d: %v, want %v", restarted, uid, err, want)
				}
			})
		}
		c.close()
		i.kill9()
		i.start()
		c = i.dial()
		c.list()
	}
}

func sendTo(path string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Sendto(fd, []byte("READY=1"), 0, &unix.SockaddrUnix{Name: path})
}

// However many connections the daemon makes, root's stays, and root gets in.
func TestTheDaemonDoesNotKeepRootOut(t *testing.T) {
	i := startSystem(t)
	root := i.dial()
	i.dialDaemon().list()
	for range 2 * maxConns {
		i.dialAs(daemonUID)
	}
	in := root.install(runsAs(serviceUID, service("s", "exit")))
	if again := i.dial().install(runsAs(serviceUID, service("s", "exit"))); again.Number != in.Number {
		t.Errorf("%+v, and then %+v", in, again)
	}
}
