package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// Nobody but the holder kept copies when the helper died: the next helper has
// the very same ones, and no new ones.
func TestSocketsComeBackFromCustody(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		dir, port := t.TempDir(), freePort(t)
		s := service("s", "exec sleep 600")
		s.Sockets = []generation.Socket{
			socketAt("ctl", generation.SocketUnix, dir+"/ctl"), socketAt("web", generation.SocketTCP, "127.0.0.1:"+port),
			socketAt("dns", generation.SocketUDP, "127.0.0.1:"+port), socketAt("seq", generation.SocketUnixPacket, dir+"/seq"),
		}
		in := c.install(s)
		c.launch(in, "s")
		before := c.listen(listenFor(in, "s", false)).fds
		c.close()
		i.kill9()
		i.start()
		c = i.dial()
		p := c.listen(listenFor(in, "s", false))
		if p.Listening == nil {
			t.Fatalf("answered by %+v", p.Refused)
		}
		for n, name := range p.Listening.Names {
			if !sys.SameFile(p.fds[n], before[n]) {
				t.Errorf("%s is another one", name)
			}
		}
		c.list() // It closes what it sent after it has answered.
		open := i.openFDs()
		c.listen(listenFor(in, "s", false))
		c.list()
		if left := i.openFDs(); left != open {
			t.Errorf("%d descriptors are open, then %d", open, left)
		}
	})
}

// What was written, said and how it ended comes back when nobody but the holder
// was there.
func TestARunComesBackFromCustody(t *testing.T) {
	t.Parallel() // It waits for init to reap.
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		s := service("s", `read x < fifo; echo last; exit 21`)
		s.Notify, s.ReadyFD, s.Dir = true, 7, t.TempDir()
		if err := unix.Mkfifo(s.Dir+"/fifo", 0o600); err != nil {
			t.Fatal(err)
		}
		in := c.install(s, service("other", "exec sleep 600"))
		p := c.launchAs(in, "s", spec.RoleMain, nil)
		other := c.launch(in, "other")
		id := p.Launched.Incarnation
		var inodes []uint64
		for _, fd := range p.fds[1:] {
			inodes = append(inodes, inode(t, fd))
		}
		for range 2 { // The second one has it from one that had it from custody.
			c.close()
			p.drop()
			i.kill9()
			i.start()
			c = i.dial()
			if p = c.list()[id]; len(p.fds) != 5 {
				t.Fatalf("it comes with %d descriptors", len(p.fds))
			}
			for n, fd := range p.fds[1:] {
				if inode(t, fd) != inodes[n] {
					t.Errorf("descriptor %d is another one", n)
				}
			}
		}
		c.close()
		i.kill9()
		cue(t, s.Dir)
		waitHangUp(t, p.fds[0])
		p.drop()
		i.start()
		c = i.dial()
		if p = c.list()[id]; p.Listed == nil || len(p.fds) < 4 {
			t.Fatalf("it is listed as %+v with %d descriptors", p.Listed, len(p.fds))
		}
		e, out := p.Listed.Record.Exited, p.fds[len(p.fds)-4]
		if e == nil {
			e = c.exited(id)
		}
		if knows := knowsExits(t); e.Unknown == knows || knows && e.Status != 21<<8 {
			t.Errorf("exited is %+v", e)
		}
		want(t, "its last words", readAll(t, out), "last\n")
		c.done(spec.Request{Kill: &spec.Kill{Incarnation: other.id}})
		c.over(other.id)
	})
}

// drop closes what came with a packet, before the test does.
func (p packet) drop() {
	for n, fd := range p.fds {
		sys.CloseAll([]int{fd})
		p.fds[n] = -1
	}
}

func inode(t *testing.T, fd int) uint64 {
	t.Helper()
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		t.Fatal(err)
	}
	return stat.Ino
}

// waitHangUp waits until a process was reaped.
func waitHangUp(t *testing.T, pidfd int) {
	t.Helper()
	poll := []unix.PollFd{{Fd: int32(pidfd)}}
	if n, err := sys.Poll(poll, int(patience.Milliseconds())); n != 1 || err != nil {
		t.Fatalf("the process was not reaped: %v", err)
	}
}

// A holder that somebody kills is replaced, and has everything.
func TestAHolderThatIsKilledIsReplaced(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	c.list()
	in := c.install(service("s", "echo up; exec sleep 600"))
	p := c.launchAs(in, "s", spec.RoleMain, nil)
	first := i.holder()
	if err := unix.Kill(first, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	second := first
	for second == first || second == 0 {
		c.list()
		second = i.holder()
	}
	i.waitKept(second)
	c.close()
	p.drop()
	i.kill9()
	i.start()
	c = i.dial()
	if fds := c.list()[p.Launched.Incarnation].fds; len(fds) != 3 {
		t.Errorf("it has %d descriptors", len(fds))
	}
	if !gone(first) {
		t.Error("nobody reaped the first one")
	}
}

// waitKept waits until the new holder has something of a run: it is a process before
// the helper has got to know it. It holds the end to take from at this number.
func (i *instance) waitKept(holder int) {
	i.t.Helper()
	pidfd, err := sys.PidfdOpen(holder)
	if err != nil {
		i.t.Fatal(err)
	}
	defer unix.Close(pidfd)
	runs, err := unix.PidfdGetfd(pidfd, 5, 0)
	if err != nil {
		i.t.Fatal(err)
	}
	defer unix.Close(runs)
	if n, err := sys.Poll([]unix.PollFd{{Fd: int32(runs), Events: unix.POLLIN}}, int(patience.Milliseconds())); n != 1 || err != nil {
		i.t.Fatalf("it keeps nothing: %v", err)
	}
}

// holder is the pid of the holder, 0 while there is none.
func (i *instance) holder() int {
	all, _, err := processTable()
	if err != nil {
		i.t.Fatal(err)
	}
	for pid, stat := range all {
		command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if !stat.Zombie() && strings.HasPrefix(string(command), "sysg-exec\x00hold\x00") && strings.Contains(string(command), filepath.Dir(i.socket)+"/") {
			return pid
		}
	}
	return 0
}

// Root is not enough to get at what is in the custody of the system's instance:
// services may run as root with some capabilities.
func TestTheSystemsHolderTrustsNobodyWithoutPrivilege(t *testing.T) {
	i := startSystem(t)
	i.alive()
	path := strings.TrimSuffix(i.socket, "exec.sock") + "holder.sock"
	asks := func(as sys.Credentials) error {
		fd, err := sys.DialPacket(path)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := sys.SendAs(fd, []byte(askForShelves), as); err != nil {
			return err
		}
		_, _ = sys.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(patience.Milliseconds()))
		c, err := takeShelves(fd)
		if err == nil {
			c.close()
		}
		return err
	}
	if err := asks(nobodysInit); err != nil {
		t.Errorf("the helper itself would be refused: %v", err)
	}
	own := os.Getpid()
	for name, as := range map[string]sys.Credentials{
		"nothing": {PID: own}, "CAP_SETUID only": {PID: own, UID: nobodysInit.UID}, "CAP_SYS_ADMIN only": {PID: 1},
	} {
		if err := asks(as); err == nil {
			t.Errorf("root was admitted with a proof of %s", name)
		}
	}
	for name, capabilities := range map[string]uint32{"CAP_SETUID": 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID, "CAP_SYS_ADMIN": 1 << unix.CAP_SYS_ADMIN} {
		onThread(func() { // Which ends with that.
			if err := capset(capabilities); err != nil {
				t.Error(err)
				return
			}
			if err := asks(nobodysInit); !errors.Is(err, unix.EPERM) {
				t.Errorf("root with %s: %v", name, err)
			}
		})
	}
	holder := i.holder()
	onThread(func() { // Which ends with that.
		if err := capset(0); err != nil {
			t.Error(err)
			return
		}
		if err := asks(nobodysInit); !errors.Is(err, unix.EPERM) {
			t.Errorf("root without capabilities: %v", err)
		}
		pidfd, err := sys.PidfdOpen(holder)
		if err != nil {
			t.Error(err)
			return
		}
		defer unix.Close(pidfd)
		if fd, err := unix.PidfdGetfd(pidfd, 4, 0); err == nil {
			unix.Close(fd)
			t.Error("its descriptors can be taken by root without capabilities")
		}
	})
	onThread(func() {
		asUser(serviceUID, func() {
			if err := asks(sys.Credentials{PID: own, UID: serviceUID, GID: serviceUID}); err == nil {
				t.Error("a service's user was admitted")
			}
		})
	})
	i.alive()
}

// capset leaves this thread only some capabilities.
func capset(left uint32) error {
	data := [2]unix.CapUserData{{Effective: left, Permitted: left}}
	return unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &data[0])
}

// onThread runs do on a thread that nothing else ever runs on.
func onThread(do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // And never unlocked, so that it ends with this.
		do()
	}()
	<-done
}

// What a service stored comes back to it by its name, as its incarnation is
// gone; but only to one that may store something.
func TestWhatIsStoredComesBackToAServiceWithoutIncarnation(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	c.list()
	s := service("s", listing)
	s.Notify = true
	in := c.install(s, service("mute", listing))
	r, _ := pipePair(t)
	keep := func(service string, generation int) packet {
		of := &spec.Owner{Project: "test", Generation: generation, Hash: in.Hash, Service: service}
		c.ask(spec.Request{Keep: &spec.Keep{Of: of, Name: "state"}}, r)
		return c.answer()
	}
	for name, a := range map[string]packet{"mute": keep("mute", in.Number), "nobody": keep("nobody", in.Number), "too old": keep("s", in.Number+1)} {
		if a.Refused == nil || a.Refused.Reason != spec.ReasonUnknown {
			t.Errorf("%s: answered by %+v", name, a.Reply)
		}
	}
	if a := keep("s", in.Number); a.Done == nil {
		t.Fatalf("answered by %+v", a.Refused)
	}
	p := c.launch(in, "s")
	want(t, "names", line(t, readUntil(t, p.out, "end\n"), "LISTEN_FDNAMES="), "state")
}

// A launch that fails leaves nothing open, though its notify socket was there.
func TestAFailedLaunchIsNotInCustody(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	c.list()
	s := program("s", "/nonexistent")
	s.Notify = true
	in := c.install(s)
	c.fails(in, "s")
	c.list()
	open := i.openFDs()
	for range 5 {
		c.fails(in, "s")
	}
	c.list()
	if left := i.openFDs(); left != open {
		t.Errorf("%d descriptors are open, then %d", open, left)
	}
}
