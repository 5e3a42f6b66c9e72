package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// heard reads one message of a notify socket, and who sent it.
func heard(t *testing.T, fd int) (text string, pid int) {
	t.Helper()
	buf, control := make([]byte, 4096), make([]byte, 256)
	for end := time.Now().Add(patience); ; {
		n, controlLen, _, _, err := unix.Recvmsg(fd, buf, control, unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EAGAIN) && time.Now().Before(end) {
			_, _ = sys.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 1000)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		messages, err := unix.ParseSocketControlMessage(control[:controlLen])
		if err != nil || len(messages) != 1 {
			t.Fatalf("%d control messages, %v", len(messages), err)
		}
		sender, err := unix.ParseUnixCredentials(&messages[0])
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n]), int(sender.Pid)
	}
}

// say is a line of shell that sends a message to the notify socket, from a
// process of its own. The helper's test binary does it, since no shell can.
func say(text string) string { return fmt.Sprintf("%q act say %q", os.Args[0], text) }

func sayTo(text string) {
	text = strings.ReplaceAll(text, `\n`, "\n")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Sendto(fd, []byte(text), 0, &unix.SockaddrUnix{Name: os.Getenv("NOTIFY_SOCKET")})
	}
	if err != nil {
		fmt.Println("cannot say", err)
		os.Exit(1)
	}
}

func notifying(name, script string) generation.LaunchService {
	s := service(name, script)
	s.Notify = true
	return s
}

func TestEachIncarnationHasANotifySocketOfItsOwn(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		s := notifying("s", `echo "$NOTIFY_SOCKET"; `+say("READY=1\nSTATUS=up")+`; exec sleep 600`)
		s.Roles = append(s.Roles, generation.Command{Role: spec.RolePreStart, Argv: []string{"/bin/sh", "-c", "env"}})
		in := c.install(s)
		pre := c.launchAs(in, "s", spec.RolePreStart, nil)
		if text := readAll(t, pre.fds[1]); strings.Contains(text, "NOTIFY_SOCKET") {
			t.Errorf("pre_start may notify:\n%s", text)
		}
		seen := map[string]bool{}
		for range 2 {
			p := c.launch(in, "s")
			path := strings.TrimSpace(readUntil(t, p.out, "\n"))
			if seen[path] || filepath.Dir(path) != filepath.Join(filepath.Dir(i.socket), "notify") {
				t.Errorf("its path is %q", path)
			}
			seen[path] = true
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("its path is %v, %v", info, err)
			}
			text, pid := heard(t, p.notify)
			want(t, "what it said", text, "READY=1\nSTATUS=up")
			if pid == 0 || pid == p.pid {
				t.Errorf("said by %d", pid)
			}
			c.done(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
			c.over(p.id)
			if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("left behind: %v", err)
			}
		}
	})
}

func TestAWatchdogIsForTheProgramItself(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	c.list()
	s := notifying("s", "env; echo end; exec sleep 600")
	s.Watchdog = 1500 * time.Millisecond
	p := c.launch(c.install(s), "s")
	text := readUntil(t, p.out, "end\n")
	want(t, "WATCHDOG_USEC", line(t, text, "WATCHDOG_USEC="), "1500000")
	want(t, "WATCHDOG_PID", line(t, text, "WATCHDOG_PID="), fmt.Sprint(p.pid))
}

// What is said while sysgd is away, or while nobody at all is there, is heard.
func TestWhatIsSaidWhileNobodyListensWaits(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		dir := t.TempDir()
		if err := unix.Mkfifo(dir+"/fifo", 0o600); err != nil {
			t.Fatal(err)
		}
		// Open for writing, too: a writer that closes late is no end of file.
		s := notifying("s", "while read x; do "+say("STATUS=$x")+"; done <> fifo")
		s.Dir = dir
		in := c.install(s)
		p := c.launch(in, "s")
		tellIt := func(word string) {
			if err := os.WriteFile(dir+"/fifo", []byte(word+"\n"), 0); err != nil {
				t.Fatal(err)
			}
		}
		again := func() int {
			c = i.dial()
			one := c.list()[p.id]
			if one.Listed == nil || !one.Listed.Notify {
				t.Fatalf("listed as %+v", one.Listed)
			}
			return one.fds[len(one.fds)-1]
		}
		c.close()
		tellIt("one")
		if text, _ := heard(t, again()); text != "STATUS=one" {
			t.Errorf("after sysgd's death: %q", text)
		}
		c.close()
		stale := filepath.Join(filepath.Dir(i.socket), "notify", "0123456789abcdef")
		if err := os.WriteFile(stale, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		i.kill9()
		i.start()
		fd := again()
		tellIt("two")
		if text, _ := heard(t, fd); text != "STATUS=two" {
			t.Errorf("after sysg-exec's death: %q", text)
		}
		if _, err := os.Stat(stale); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a stale socket is left: %v", err)
		}
	})
}

func TestReadinessIsReportedOnTheDescriptorThatItSays(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		direct := service("direct", `ls -l /proc/$$/fd >&2; echo ready >&5; exec 5>&-; sleep 600`)
		direct.ReadyFD = 5
		staged := service("staged", `[ -e /proc/$$/fd/4 ] && echo stray; echo "$LISTEN_FDS" >&20; exec 20>&-; sleep 600`)
		staged.ReadyFD = 20
		staged.Roles[0].Argv[0] = "/bin/bash" // dash knows descriptors to 9.
		staged.Sockets = []generation.Socket{socketAt("web", generation.SocketTCP, "127.0.0.1:0")}
		in := c.install(direct, staged)
		p := c.launch(in, "direct")
		want(t, "its word", readAll(t, p.ready), "ready\n")
		p = c.launch(in, "staged")
		want(t, "its word", readAll(t, p.ready), "1\n")
		c.close()
		c = i.dial()
		one := c.list()[p.id]
		if one.Listed == nil || !one.Listed.Ready || len(one.fds) != 4 {
			t.Errorf("it is listed as %+v with %d descriptors", one.Listed, len(one.fds))
		}
	})
}
