package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// These tests are sysgd after somebody has taken it over: they run with its uid
// against a helper of the system's instance, and want more than root installed.

// openTo makes a folder that everybody can pass.
func openTo(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sysg-open")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// fields are the lines of /proc/PID/status that say what a process may do.
func fields(t testing.TB, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs":
			kept = append(kept, name+":"+strings.Join(strings.Fields(value), " "))
		}
	}
	return strings.Join(kept, "\n")
}

const next = "54322 54322 54322 54322"

// What a launch names is what root installed, and nothing that comes with it
// changes that.
func TestALaunchIsWhatRootInstalled(t *testing.T) {
	i := startSystem(t)
	s := runsAs(serviceUID, program("s", "/bin/sh", "-c", "sleep 600; :"))
	s.NoNewPrivs = true
	other := runsAs(0, service("other", "exec sleep 600"))
	root := i.dial()
	in := root.install(s, other)
	root.close()
	c := i.dialDaemon()
	c.list()
	p := c.launch(in, "s")
	none := "0000000000000000"
	want := fmt.Sprintf("Uid:%s\nGid:%s\nGroups:\nCapInh:%s\nCapPrm:%s\nCapEff:%s\nCapBnd:%s\nCapAmb:%s\nNoNewPrivs:1", next, next, none, none, none, none, none)
	if got := fields(t, p.pid); got != want {
		t.Errorf("it runs with\n%s\nwant\n%s", got, want)
	}
	if got, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid)); string(got) != "/bin/sh\x00-c\x00sleep 600; :\x00" {
		t.Errorf("it runs %q", got)
	}
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.pid))
	if strings.Contains(string(text), "INHERITED") {
		t.Errorf("it has the environment of who installed it: %q", text)
	}
	before := len(c.list())
	for name, edit := range map[string]func(*spec.Launch){
		"another content":      func(l *spec.Launch) { l.Hash = strings.Repeat("0", 64) },
		"another generation":   func(l *spec.Launch) { l.Generation++ },
		"no generation":        func(l *spec.Launch) { l.Generation = 1 << 30 },
		"another project":      func(l *spec.Launch) { l.Project = "other" },
		"another service":      func(l *spec.Launch) { l.Service = "none" },
		"a role without one":   func(l *spec.Launch) { l.Role = spec.RolePreStart },
		"a slot":               func(l *spec.Launch) { one := 1; l.Slot = &one },
		"an event":             func(l *spec.Launch) { l.Event = &spec.Event{Name: "exited"} },
		"a child":              func(l *spec.Launch) { l.Role = spec.RoleChild },
		"its own incarnation":  func(l *spec.Launch) { l.Incarnation, l.Service = p.id, "other" },
		"a candidate's, twice": func(l *spec.Launch) { l.Incarnation, l.Role = p.id, spec.RoleHealth },
	} {
		l := request(in, "s")
		edit(&l)
		c := i.dialDaemon()
		text, _ := json.Marshal(spec.Request{ID: 9, Launch: &l}) // Whether or not it is one.
		c.raw(text)
		if p, err := c.receive(); err == nil && p.Refused == nil {
			t.Errorf("%s was answered by %+v", name, p.Reply)
		}
	}
	for _, more := range []string{
		`"argv":["/bin/sh"]`, `"user":0`, `"uid":0`, `"env":["LD_PRELOAD=/tmp/x.so"]`, `"capabilities":1`, `"dir":"/root"`, `"cgroup":"/"`, `"confinement":null`,
	} {
		l := request(in, "s")
		text, err := spec.EncodeRequest(&spec.Request{ID: 9, Launch: &l})
		if err != nil {
			t.Fatal(err)
		}
		c := i.dialDaemon()
		c.raw(bytes.Replace(text, []byte(`"launch":{`), []byte(`"launch":{`+more+`,`), 1))
		c.refused(spec.ReasonProtocol)
	}
	if after := len(i.dialDaemon().list()); after != before {
		t.Errorf("%d incarnations before, %d after", before, after)
	}
}

// What root stored can be neither changed nor, where it has secrets, read.
func TestTheStoreIsOutOfTheDaemonsReach(t *testing.T) {
	i := startSystem(t)
	i.dial().install(runsAs(serviceUID, service("s", "exit")))
	forged := filepath.Join(openTo(t), "forged")
	if err := os.WriteFile(forged, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(forged, daemonUID, daemonUID); err != nil {
		t.Fatal(err)
	}
	project := filepath.Join(i.state, "generations", "test")
	asDaemon(func() {
		if _, err := os.ReadFile(project + "/1.json"); err != nil {
			t.Errorf("what it is to lead cannot be read: %v", err)
		}
		for name, err := range map[string]error{
			"read a launch part":     second(os.ReadFile(project + "/1.launch.json")),
			"write one":              os.WriteFile(project+"/1.launch.json", nil, 0o600),
			"write a supervise part": os.WriteFile(project+"/1.json", nil, 0o600),
			"make one":               os.WriteFile(project+"/2.launch.json", nil, 0o600),
			"activate one":           os.WriteFile(project+"/active", []byte("2\n"), 0o600),
			"rename one":             os.Rename(forged, project+"/1.launch.json"),
			"link one":               os.Link(forged, project+"/2.launch.json"),
			"link one out":           os.Symlink(forged, project+"/2.launch.json"),
			"remove one":             os.Remove(project + "/1.json"),
			"make a project":         os.Mkdir(filepath.Dir(project)+"/evil", 0o755),
			"exchange the store":     os.Rename(filepath.Dir(project), filepath.Dir(project)+"2"),
			"list the records":       second(os.ReadDir(i.state + "/incarnations")),
			"write a record":         os.WriteFile(i.state+"/incarnations/"+newIncarnation()+".json", nil, 0o600),
			"take the lock":          second(os.OpenFile(i.state+"/exec.lock", os.O_RDWR, 0)),
			"note a socket":          os.WriteFile(i.state+"/sockets", nil, 0o600),
			"bind a notify socket":   second(sys.ListenDatagram(filepath.Dir(i.socket) + "/notify/" + newIncarnation()[:16])),
			"exchange spawn.sock":    os.Remove(filepath.Dir(i.socket) + "/spawn.sock"),
		} {
			if !errors.Is(err, os.ErrPermission) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	i.alive()
}

func second[T any](_ T, err error) error { return err }

// asDaemon is asUser for sysgd, with its group and no other.
func asDaemon(do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // Never unlocked, so the thread dies with us.
		for _, call := range [][3]uintptr{{unix.SYS_SETGROUPS, 0, 0}, {unix.SYS_SETRESGID, daemonUID, daemonUID}, {unix.SYS_SETRESUID, daemonUID, daemonUID}} {
			if _, _, errno := unix.RawSyscall(call[0], call[1], call[2], call[2]); errno != 0 {
				panic(errno)
			}
		}
		do()
	}()
	<-done
}

// The helper's own process is out of reach, too, and so are those it started.
func TestTheHelperCannotBeLookedInto(t *testing.T) {
	i := startSystem(t)
	root := i.dial()
	in := root.install(runsAs(serviceUID, service("s", "exec sleep 600")))
	c := i.dialDaemon()
	c.list()
	p := c.launch(in, "s")
	helper := i.command.Process.Pid
	asDaemon(func() {
		for _, pid := range []int{helper, p.pid} {
			for _, name := range []string{"environ", "mem", "maps", "fd/0", "fd/1", "cwd/", "root/"} {
				if _, err := os.Open(fmt.Sprintf("/proc/%d/%s", pid, name)); err == nil {
					t.Errorf("/proc/%d/%s was opened", pid, name)
				}
			}
			pidfd, err := sys.PidfdOpen(pid)
			if err != nil {
				t.Error(err)
				continue
			}
			for fd := range 64 {
				if got, err := unix.PidfdGetfd(pidfd, fd, 0); err == nil {
					t.Errorf("descriptor %d of process %d was taken, as %d", fd, pid, got)
				}
			}
			if err := sys.PidfdSignal(pidfd, unix.SIGTERM); !errors.Is(err, unix.EPERM) {
				t.Errorf("signalling process %d: %v", pid, err)
			}
			_ = unix.Close(pidfd)
		}
		if err := sys.PidfdSignal(p.pidfd, unix.SIGTERM); !errors.Is(err, unix.EPERM) {
			t.Errorf("signalling by the pidfd that it was given: %v", err)
		}
	})
	i.alive()
}

// A signal goes to what runs in a cgroup of ours, whatever is asked.
func TestNoSignalLeavesOurCgroups(t *testing.T) {
	i := startSystem(t)
	victim := exec.Command("sleep", "600")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = victim.Process.Kill(); _ = victim.Wait() })
	root := i.dial()
	in := root.install(runsAs(serviceUID, service("s", "exec sleep 600")), runsAs(strangerUID, service("other", "exec sleep 600")))
	c := i.dialDaemon()
	c.list()
	p, other := c.launch(in, "s"), c.launch(in, "other")
	for name, pid := range map[string]int{
		"a process of root's": victim.Process.Pid, "process 1": 1, "the helper": i.command.Process.Pid, "this one": os.Getpid(), "another service's": other.pid,
	} {
		c.ask(spec.Request{Main: &spec.Main{Incarnation: p.id, PID: pid}})
		if a := c.answer(); a.Refused == nil {
			t.Errorf("%s was made a service's: %+v", name, a.Reply)
		}
	}
	for _, frame := range []string{
		`{"id":70,"signal":{"incarnation":"` + newIncarnation() + `","signal":9}}`,
		`{"id":70,"kill":{"incarnation":"` + newIncarnation() + `"}}`,
	} {
		c.raw([]byte(frame))
		if a := c.wait(func(p packet) bool { return p.ID == 70 }); a.Refused == nil {
			t.Errorf("%s was answered by %+v", frame, a.Reply)
		}
	}
	for _, frame := range []string{
		`{"id":70,"signal":{"pid":` + strconv.Itoa(victim.Process.Pid) + `,"signal":9}}`,
		`{"id":70,"signal":{"incarnation":"` + p.id + `","pid":` + strconv.Itoa(victim.Process.Pid) + `,"signal":9}}`,
		`{"id":70,"signal":{"incarnation":"-1","signal":9}}`,
		`{"id":70,"kill":{"incarnation":"."}}`,
	} {
		c := i.dialDaemon()
		c.raw([]byte(frame))
		c.refused(spec.ReasonProtocol)
	}
	c.done(spec.Request{Signal: &spec.Signal{Incarnation: p.id, Signal: int(unix.SIGKILL), Group: true}})
	c.over(p.id)
	for name, pid := range map[string]int{"the process of root's": victim.Process.Pid, "the other service": other.pid} {
		if err := syscall.Kill(pid, 0); err != nil || alreadyDead(pid) {
			t.Errorf("%s is gone: %v", name, err)
		}
	}
	i.alive()
}
