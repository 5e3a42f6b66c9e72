package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// openFDs counts the helper's descriptors.
func (i *instance) openFDs() int {
	i.t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", i.command.Process.Pid))
	if err != nil {
		i.t.Fatal(err)
	}
	return len(entries)
}

// refused reads what a connection is told before it is closed.
func (c *client) refused(reason spec.Reason) {
	c.t.Helper()
	p, err := c.receive()
	if err != nil {
		c.t.Error("closed without a word")
		return
	}
	if p.Refused == nil || p.Refused.Reason != reason {
		c.t.Errorf("answered by %+v, want refused %s", p.Reply, reason)
	}
	if _, err := c.receive(); err == nil {
		c.t.Error("the connection is still open")
	}
}

func TestFramesThatAreNoneEndTheirConnectionOnly(t *testing.T) {
	i := startHelper(t)
	keeper := i.dial()
	keeper.list()
	before := i.openFDs()
	hello := `{"id":1,"hello":{"version":1,"min":1}}`
	for name, frame := range map[string]string{
		"garbage":            "\x00\xff\x13garbage",
		"half":               `{"id":2,"list":`,
		"two in one":         `{"id":2,"list":{}}{"id":3,"list":{}}`,
		"no message":         `{"id":2}`,
		"two messages":       `{"id":2,"list":{},"install":{}}`,
		"unknown key":        `{"id":2,"exec":{"argv":["/bin/sh"]}}`,
		"id 0":               `{"id":0,"list":{}}`,
		"null":               `{"id":2,"list":null}`,
		"nested":             `{"id":2,"list":` + strings.Repeat("[", 20000) + `}`,
		"huge":               `{"id":2,"list":{}}` + strings.Repeat(" ", 128<<10),
		"just too large":     strings.Repeat(" ", spec.MaxFrame+1),
		"a path for a name":  `{"id":2,"launch":{"project":"../x","generation":1,"hash":"` + strings.Repeat("0", 64) + `","service":"s","role":"main","incarnation":"` + strings.Repeat("0", 32) + `"}}`,
		"a path for an id":   `{"id":2,"kill":{"incarnation":"../../../../../../../../etc/passwd"}}`,
		"a signal too large": `{"id":2,"signal":{"incarnation":"` + strings.Repeat("0", 32) + `","signal":4096}}`,
	} {
		t.Run(name, func(t *testing.T) {
			c := i.dialRaw()
			c.t = t
			defer c.close()
			c.raw([]byte(hello))
			if p, err := c.receive(); err != nil || p.Hello == nil {
				t.Fatalf("hello was answered by %+v, %v", p.Reply, err)
			}
			c.raw([]byte(frame))
			c.refused(spec.ReasonProtocol)
		})
	}
	keeper.list()
	if after := i.openFDs(); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func TestHelloComesFirstAndAgrees(t *testing.T) {
	i := startHelper(t)
	for frame, reason := range map[string]spec.Reason{
		`{"id":1,"list":{}}`:                       spec.ReasonProtocol,
		`{"id":1,"hello":{"version":9,"min":9}}`:   spec.ReasonVersion,
		`{"id":1,"hello":{"version":1,"min":2}}`:   spec.ReasonProtocol,
		`{"id":1,"hello":{"version":-1,"min":-1}}`: spec.ReasonProtocol,
	} {
		c := i.dialRaw()
		c.raw([]byte(frame))
		c.refused(reason)
		c.close()
	}
	i.alive()
}

func TestStrayDescriptorsAreRefusedAndClosed(t *testing.T) {
	i := startHelper(t)
	keeper := i.dial()
	keeper.list()
	before := i.openFDs()
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, count := range []int{1, 2, 4, 5, 100, 253} {
		c := i.dial()
		text, _ := spec.EncodeRequest(&spec.Request{ID: 9, List: &spec.List{}})
		fds := slices.Repeat([]int{int(null.Fd())}, count)
		if err := unix.Sendmsg(c.fd, text, unix.UnixRights(fds...), nil, 0); err != nil {
			t.Fatal(err)
		}
		c.refused(spec.ReasonProtocol)
		c.close()
	}
	c := i.dial() // And an Install without one.
	c.ask(spec.Request{Install: &spec.Install{}})
	c.refused(spec.ReasonProtocol)
	c.close()
	keeper.list()
	if after := i.openFDs(); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func TestOnlyAWholeSealedValidGenerationIsInstalled(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	g := compiled(service("s", "exit"))
	text, err := generation.Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	unsealed := func(text []byte, seals int) int {
		fd, err := unix.MemfdCreate("attack", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Write(fd, text); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
			t.Fatal(err)
		}
		return fd
	}
	sealed := func(text []byte) int {
		fd, err := sys.SealedMemfd("attack", text)
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	open := func(path string, flags int) int {
		fd, err := unix.Open(path, flags, 0)
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	file, fifo := filepath.Join(t.TempDir(), "file"), filepath.Join(t.TempDir(), "fifo")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, fd := range map[string]int{
		"no seal":        unsealed(text, 0),
		"not all seals":  unsealed(text, unix.F_SEAL_WRITE|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW),
		"a file":         open(file, unix.O_RDONLY),
		"a FIFO":         open(fifo, unix.O_RDWR),
		"a directory":    open("/", unix.O_RDONLY),
		"empty":          sealed(nil),
		"garbage":        sealed([]byte("garbage")),
		"half":           sealed(text[:len(text)/2]),
		"something more": sealed(append(slices.Clone(text), '{')),
		"changed after it was hashed": sealed([]byte(strings.Replace(string(text),
			`"exit"`, `"evil"`, 1))),
		"a path for a project": sealed([]byte(strings.ReplaceAll(string(text), `"test"`, `"../test"`))),
	} {
		c.ask(spec.Request{Install: &spec.Install{}}, fd)
		if p := c.answer(); p.Refused == nil || p.Refused.Reason != spec.ReasonInvalid {
			t.Errorf("%s: answered by %+v", name, p.Reply)
		}
		_ = unix.Close(fd)
	}
	if entries, err := os.ReadDir(filepath.Join(i.state, "generations")); err == nil && len(entries) != 0 {
		t.Errorf("something was stored: %v", entries)
	}
	if in := c.install(service("s", "exit")); in.Number != 1 {
		t.Errorf("the connection does not work any more: %+v", in)
	}
}

// asUser calls do on a thread that has another uid, and ends the thread.
func asUser(uid int, do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // Never unlocked, so the thread dies with us.
		_, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid))
		if errno != 0 {
			panic(errno)
		}
		do()
	}()
	<-done
}

func TestAnotherUserIsCutOffUnheard(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("it takes root to be somebody else")
	}
	i := startHelper(t)
	c := i.dial()
	// Let in by the file system, as an administrator's mistake would.
	for _, path := range []string{filepath.Dir(i.socket), filepath.Dir(filepath.Dir(i.socket))} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(i.socket, 0o666); err != nil {
		t.Fatal(err)
	}
	asUser(65534, func() {
		fd, err := sys.DialPacket(i.socket)
		if err != nil {
			t.Errorf("the attack does not get so far: %v", err)
			return
		}
		defer unix.Close(fd)
		_ = sys.SendPacket(fd, []byte(`{"id":1,"hello":{"version":1,"min":1}}`), nil)
		for range 100 {
			_, _, err = sys.ReceivePacket(fd, make([]byte, spec.MaxFrame))
			if !errors.Is(err, sys.ErrWouldBlock) {
				break
			}
			_, _ = sys.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 100)
		}
		if err == nil || errors.Is(err, sys.ErrWouldBlock) {
			t.Errorf("another user was answered (%v)", err)
		}
	})
	c.list()
}

func TestTwoHundredConnectionsDoNotKeepTheSupervisorOut(t *testing.T) {
	i := startHelper(t)
	receiver := i.dial()
	receiver.list()
	in := receiver.install(service("s", "exit 4"))
	for range 200 {
		defer i.dialRaw().close()
	}
	late := i.dial()
	p := late.launch(in, "s")
	if e := receiver.over(p.id); e.Status != 4<<8 {
		t.Errorf("exited is %+v", e)
	}
	if fds := i.openFDs(); fds > maxConns+30 {
		t.Errorf("the helper has %d descriptors open", fds)
	}
}

// A peer that asks and never reads is cut off before it costs much.
func TestAPeerThatNeverReadsIsCutOff(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	in := c.install(service("s", "exit 6"))
	p := c.launch(in, "s")
	deaf := i.dial()
	text, err := spec.EncodeRequest(&spec.Request{ID: 7, Kill: &spec.Kill{Incarnation: newIncarnation()}})
	if err != nil {
		t.Fatal(err)
	}
	cut := false
	for range 200_000 {
		err := sys.SendPacket(deaf.fd, text, nil)
		if errors.Is(err, sys.ErrWouldBlock) {
			_, _ = sys.Poll([]unix.PollFd{{Fd: int32(deaf.fd), Events: unix.POLLOUT}}, 1000)
			continue
		}
		if cut = err != nil; cut {
			break
		}
	}
	if !cut {
		t.Error("it was never cut off")
	}
	// Nor does it cost others their events.
	if all := i.dial().list(); all[p.id].Listed == nil {
		t.Errorf("the list is %v", all)
	}
}

func TestMemoryStaysBounded(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	for range 30_000 {
		c.list()
	}
	if rss := i.rss(); rss > 60<<20 {
		t.Errorf("the helper has grown to %d MiB", rss>>20)
	}
}

// rss is the helper's resident memory in bytes.
func (i *instance) rss() int {
	i.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", i.command.Process.Pid))
	if err != nil {
		i.t.Fatal(err)
	}
	var size, resident int
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		i.t.Fatal(err)
	}
	return resident * os.Getpagesize()
}

func TestOnlyOneHelperServesAState(t *testing.T) {
	i := startHelper(t)
	i.alive()
	second := &instance{t: t, state: i.state, socket: i.socket + "2", stderr: &output{}}
	second.start()
	if err := second.command.Wait(); err == nil || !strings.Contains(second.stderr.String(), "locked by another process") {
		t.Errorf("the second one ended with %v: %s", err, second.stderr)
	}
	i.alive()
}

func TestItTakesOnlyTheRightSocket(t *testing.T) {
	for name, script := range map[string]string{
		"nothing":              `exec "$@"`,
		"another's LISTEN_PID": `LISTEN_PID=1 LISTEN_FDS=1 exec "$@" 3</dev/null`,
		"a file":               `LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3</dev/null`,
		"two":                  `LISTEN_PID=$$ LISTEN_FDS=2 exec "$@" 3</dev/null`,
	} {
		said := &output{}
		command := exec.Command("/bin/sh", "-c", script, "sh", os.Args[0], "serve", "--state", t.TempDir())
		command.Stderr = said
		if err := command.Run(); err == nil || !strings.Contains(said.String(), "socket") {
			t.Errorf("%s: ended with %v: %s", name, err, said)
		}
	}
}
