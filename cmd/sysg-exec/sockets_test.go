package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// actAs makes the test binary a program for services: one that speaks to us, or
// one that accepts on a descriptor and says who it is.
func actAs(args []string) {
	switch args[0] {
	case "say":
		sayTo(args[1])
		return
	case "spawn":
		askForChild(args[1:])
		return
	case "without-peerpidfd":
		fmt.Fprintln(os.Stderr, withoutPeerPidfd(args[1:]))
		os.Exit(1)
	}
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	for {
		c, err := listener.Accept()
		if err != nil {
			os.Exit(1)
		}
		fmt.Fprintln(c, os.Getenv("SYSG_INVOCATION_ID"))
		c.Close()
	}
}

// listing is a script that tells what a service was handed, and stays.
const listing = `echo "pid $$"; env | grep ^LISTEN_ | sort; for n in 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$n ] && echo "fd$n $(readlink /proc/$$/fd/$n)"; done; echo end; exec sleep 600`

// freePort is a port that nobody listened at a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func socketAt(name string, kind generation.SocketKind, address string) generation.Socket {
	return generation.Socket{Name: name, Kind: kind, Address: address}
}

// listenFor asks for sockets, with descriptors for names.
func listenFor(in spec.Installed, service string, watch bool, names ...string) *spec.Listen {
	return &spec.Listen{Project: in.Project, Generation: in.Number, Hash: in.Hash, Service: service, Names: names, Watch: watch}
}

func (c *client) listen(l *spec.Listen, fds ...int) packet {
	c.t.Helper()
	c.ask(spec.Request{Listen: l}, fds...)
	return c.answer()
}

func (c *client) stopRun(id string) {
	c.t.Helper()
	c.done(spec.Request{Kill: &spec.Kill{Incarnation: id}})
	c.over(id)
	c.done(spec.Request{Ack: &spec.Ack{Incarnations: []string{id}}})
}

func TestAServiceIsHandedItsSocketsAndTheyOutliveIt(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		dir, port := t.TempDir(), freePort(t)
		s := service("s", listing)
		s.Sockets = []generation.Socket{
			socketAt("web", generation.SocketTCP, "127.0.0.1:"+port), socketAt("dns", generation.SocketUDP, "127.0.0.1:"+port),
			{Name: "ctl", Kind: generation.SocketUnix, Address: dir + "/ctl", Mode: 0o620},
			socketAt("seq", generation.SocketUnixPacket, dir+"/seq"), socketAt("in", generation.SocketFIFO, dir+"/in"),
		}
		in := c.install(s)
		var before string
		for range 2 {
			p := c.launch(in, "s")
			text := readUntil(t, p.out, "end\n")
			want(t, "LISTEN_FDS", line(t, text, "LISTEN_FDS="), "5")
			want(t, "LISTEN_FDNAMES", line(t, text, "LISTEN_FDNAMES="), "web:dns:ctl:seq:in")
			want(t, "LISTEN_PID", line(t, text, "LISTEN_PID="), fmt.Sprint(p.pid))
			if strings.Contains(text, "fd8") {
				t.Errorf("it has more than its five:\n%s", text)
			}
			sockets := ""
			for n := range 5 {
				sockets += line(t, text, fmt.Sprintf("fd%d ", 3+n)) + "\n"
			}
			if before != "" {
				want(t, "the sockets of the next incarnation", sockets, before)
			}
			before = sockets
			c.stopRun(p.id)
		}
		info, err := os.Lstat(dir + "/ctl")
		if err != nil || info.Mode().Perm() != 0o620 {
			t.Errorf("the path is %v, %v", info, err)
		}
		if info, err := os.Lstat(dir + "/seq"); err != nil || info.Mode().Perm() != 0o666 {
			t.Errorf("the path without a mode is %v, %v", info, err)
		}
		c.done(spec.Request{Unlisten: &spec.Unlisten{Project: "test", Service: "s"}})
		if entries, _ := os.ReadDir(dir); len(entries) != 0 {
			t.Errorf("paths are left: %v", entries)
		}
		if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			conn.Close()
			t.Error("somebody still listens")
		}
	})
}

// Between two incarnations a connection waits; it is not refused.
func TestAConnectionWaitsForTheNextIncarnation(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	c.list()
	port := freePort(t)
	s := program("s", os.Args[0], "act", "accept")
	s.Sockets = []generation.Socket{socketAt("web", generation.SocketTCP, "127.0.0.1:"+port)}
	in := c.install(s)
	p := c.launch(in, "s")
	readUntil(t, p.out, "ready")
	c.stopRun(p.id)
	conn, err := net.DialTimeout("tcp", "127.0.0.1:"+port, patience)
	if err != nil {
		t.Fatalf("between two incarnations: %v", err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	p = c.launch(in, "s")
	said, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || strings.TrimSpace(said) != p.id {
		t.Errorf("answered by %q, %v, want %s", said, err, p.id)
	}
}

func TestAnAddressInUseFailsTheLaunchAndNamesIt(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		dir := t.TempDir()
		s := service("s", "exec sleep 600")
		s.Sockets = []generation.Socket{socketAt("first", generation.SocketUnix, dir+"/s"), socketAt("web", generation.SocketTCP, taken.Addr().String())}
		lost := service("lost", "exit")
		lost.Sockets = []generation.Socket{socketAt("x", generation.SocketUnix, dir+"/none/s")}
		heir := service("heir", "exit")
		heir.Sockets = []generation.Socket{socketAt("x", generation.SocketInherit, "foo")}
		in := c.install(heir, lost, s)
		f := c.fails(in, "s")
		if f.Stage != spec.StageSockets || f.Errno != int(unix.EADDRINUSE) || !strings.Contains(f.Detail, taken.Addr().String()) || !strings.Contains(f.Detail, `"web"`) {
			t.Errorf("got %+v", f)
		}
		if _, err := os.Lstat(dir + "/s"); err == nil {
			t.Error("the socket before it is left")
		}
		if p := c.listen(listenFor(in, "s", false)); p.Refused == nil || p.Refused.Reason != spec.ReasonBusy || !strings.Contains(p.Refused.Detail, "address already in use") {
			t.Errorf("a listen was answered by %+v", p.Reply)
		}
		if f := c.fails(in, "lost"); f.Stage != spec.StageSockets || f.Errno != int(unix.ENOENT) || !strings.Contains(f.Detail, dir+"/none") {
			t.Errorf("no directory: %+v", f)
		}
		if f := c.fails(in, "heir"); f.Stage != spec.StageSockets || f.Errno != int(unix.ENOENT) || !strings.Contains(f.Detail, `"foo"`) {
			t.Errorf("nothing to inherit: %+v", f)
		}
		i.alive() // It tidies up after it has answered.
		if mode == "cgroup" {
			noLeaves(t, i)
		}
	})
}

func TestListenReturnsCopiesAndWatchesOnce(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	c.list()
	dir, port := t.TempDir(), freePort(t)
	s := program("s", os.Args[0], "act", "accept")
	s.Sockets = []generation.Socket{socketAt("web", generation.SocketTCP, "127.0.0.1:"+port), socketAt("in", generation.SocketFIFO, dir+"/in")}
	in := c.install(s)
	p := c.listen(listenFor(in, "s", true))
	if p.Listening == nil || strings.Join(p.Listening.Names, " ") != "web in" || len(p.fds) != 2 {
		t.Fatalf("answered by %+v with %d descriptors", p.Reply, len(p.fds))
	}
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	isWanted := func(p packet) bool { return p.Wanted != nil }
	if w := c.wait(isWanted).Wanted; w.Project != "test" || w.Service != "s" {
		t.Errorf("wanted is %+v", w)
	}
	if err := os.WriteFile(dir+"/in", []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	run := c.launch(in, "s")
	_ = conn.SetDeadline(time.Now().Add(patience))
	if said, err := io.ReadAll(conn); err != nil || strings.TrimSpace(string(said)) != run.id {
		t.Errorf("the one who woke it was answered by %q, %v", said, err)
	}
	for _, p := range c.pending {
		if isWanted(p) {
			t.Error("wanted a second time")
		}
	}
	// The FIFO is readable still, and the next watch tells so at once.
	c.stopRun(run.id)
	c.listen(listenFor(in, "s", true))
	c.wait(isWanted)
	// A launch ends the watch.
	c.listen(listenFor(in, "s", false))
}

func TestALaunchEndsTheWatch(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	c.list()
	port := freePort(t)
	s := service("s", "exec sleep 600")
	s.Sockets = []generation.Socket{socketAt("web", generation.SocketTCP, "127.0.0.1:"+port)}
	in := c.install(s)
	c.listen(listenFor(in, "s", true))
	c.launch(in, "s")
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c.list() // After which a Wanted would have come.
	for _, p := range c.pending {
		if p.Wanted != nil {
			t.Error("it is wanted, though it runs")
		}
	}
}

// A helper that dies takes its sockets with it, where there is no holder. Who
// kept copies gives them to the next one, which believes in what fits alone.
func TestSocketsComeBackFromWhoKeptCopies(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	dir, port := t.TempDir(), freePort(t)
	s := program("s", os.Args[0], "act", "accept")
	s.Sockets = []generation.Socket{
		socketAt("web", generation.SocketTCP, "127.0.0.1:"+port), socketAt("ctl", generation.SocketUnix, dir+"/ctl"),
		socketAt("heir", generation.SocketInherit, "foo"),
	}
	in := c.install(s)
	inherited, err := net.Listen("unix", dir+"/inherited")
	if err != nil {
		t.Fatal(err)
	}
	file, err := inherited.(*net.UnixListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	heirFD := int(file.Fd())
	p := c.listen(listenFor(in, "s", false, "heir"), heirFD)
	if p.Listening == nil || len(p.fds) != 3 {
		t.Fatalf("answered by %+v", p.Reply)
	}
	waiting, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	c.close()
	i.kill9()
	i.endHolder()
	i.start()
	c = i.dial()
	c.list()
	for name, wrong := range map[string][]int{
		"swapped":      {p.fds[1], p.fds[0]},
		"a file":       {2, p.fds[1]},
		"another port": {p.fds[2], p.fds[1]},
	} {
		if p := c.listen(listenFor(in, "s", false, "web", "ctl"), wrong...); p.Refused == nil || p.Refused.Reason != spec.ReasonInvalid {
			t.Errorf("%s: answered by %+v", name, p.Reply)
		}
	}
	if p := c.listen(listenFor(in, "s", false, "other"), p.fds[0]); p.Refused == nil || p.Refused.Reason != spec.ReasonInvalid {
		t.Errorf("an undeclared name: answered by %+v", p.Reply)
	}
	if p := c.listen(listenFor(in, "s", false, "web", "ctl", "heir"), p.fds...); p.Listening == nil {
		t.Fatalf("answered by %+v", p.Refused)
	}
	run := c.launch(in, "s")
	_ = waiting.SetDeadline(time.Now().Add(patience))
	if said, err := io.ReadAll(waiting); err != nil || strings.TrimSpace(string(said)) != run.id {
		t.Errorf("who connected before the death was answered by %q, %v", said, err)
	}
	c.stopRun(run.id)
	c.done(spec.Request{Unlisten: &spec.Unlisten{Project: "test", Service: "s"}})
	if _, err := os.Lstat(dir + "/ctl"); err == nil {
		t.Error("its path is left")
	}
	if _, err := os.Lstat(dir + "/inherited"); err != nil {
		t.Error("the path of what it inherited is gone")
	}
}
