package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// TestTheManagerIsTold plays systemd: what it hears of the helper, from the
// first READY=1 on. A message that matches none of what is waited for is one too
// many.
func TestTheManagerIsTold(t *testing.T) {
	path, fd := listenNotify(t)
	hears := func(wanted string) {
		t.Helper()
		buf := make([]byte, 256)
		for {
			n, err := sys.Read(fd, buf)
			if err != nil {
				t.Fatalf("waiting for %s: %v", wanted, err)
			}
			text := string(buf[:n])
			if regexp.MustCompile("^(?s:" + wanted + ")$").MatchString(text) {
				return
			}
			if text != "WATCHDOG=1" && !strings.HasSuffix(text, "being launched") {
				t.Fatalf("heard %q, want %s", text, wanted)
			}
		}
	}
	dir := t.TempDir()
	i := &instance{t: t, state: filepath.Join(dir, "state"), socket: filepath.Join(dir, "exec.sock"), stderr: &output{}}
	i.wrap = []string{"/usr/bin/env", "NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=100000"}
	t.Cleanup(i.stop)
	i.start()
	hears("READY=1")
	hears("WATCHDOG=1")
	hears("STATUS=0 running")
	hears("WATCHDOG=1")
	hears("WATCHDOG=1") // of its own accord
	c := i.dial()
	c.list()
	p := c.launch(c.install(service("s", "env; exec sleep 600")), "s")
	hears("STATUS=1 running")
	if err := i.command.Process.Signal(unix.SIGHUP); err != nil {
		t.Fatal(err)
	}
	hears("RELOADING=1\nMONOTONIC_USEC=[0-9]{6,}")
	hears("READY=1")
	c.done(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
	c.over(p.id)
	hears("STATUS=0 running")
	c.done(spec.Request{Quit: &spec.Quit{}})
	hears("STOPPING=1")
}
