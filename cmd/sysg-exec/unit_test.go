package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/cgroup"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

const servicesUnit = "sysg-services.service"

// units makes the cgroups that systemd would, and a holder in the one.
func units(t *testing.T) (slice, services, helper *cgroup.Dir) {
	t.Helper()
	requireCgroups(t)
	state := t.TempDir()
	home, err := openBase(options{state: state})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeTree(t, state) })
	slice = home.base
	if services, err = slice.Make(servicesUnit); err != nil {
		t.Fatal(err)
	}
	if helper, err = slice.Make("sysg-exec.service"); err != nil {
		t.Fatal(err)
	}
	return slice, services, helper
}

// listenNotify is systemd's end of NOTIFY_SOCKET.
func listenNotify(t *testing.T) (path string, fd int) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "notify")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	}
	if err == nil {
		err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: int64(patience / time.Second)})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return path, fd
}

func waitReady(t *testing.T, notifyFD int) {
	t.Helper()
	buf := make([]byte, 64)
	n, err := sys.Read(notifyFD, buf)
	if err != nil || string(buf[:n]) != "READY=1" {
		t.Fatalf("notified of %q, %v", buf[:max(n, 0)], err)
	}
}

// The holder of sysg-services.service, with custody and as it was without.
func TestServicesLiveInTheUnitBeside(t *testing.T) {
	for name, custody := range map[string]bool{"with custody": true, "from before an upgrade": false} {
		t.Run(name, func(t *testing.T) { servicesLiveInTheUnitBeside(t, custody) })
	}
}

func servicesLiveInTheUnitBeside(t *testing.T, custody bool) {
	_, services, own := units(t)
	path, notifyFD := listenNotify(t)
	dir := t.TempDir()
	holder := exec.Command(os.Args[0], "hold")
	if custody {
		holder.Args = append(holder.Args, "--custody", filepath.Join(dir, "custody.sock"))
	}
	holder.Env = append(os.Environ(), "NOTIFY_SOCKET="+path)
	holder.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: services.FD()}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = holder.Process.Kill(); _ = holder.Wait() })
	waitReady(t, notifyFD)
	leaf, err := services.Child("holder")
	if err != nil {
		t.Fatal(err)
	}
	defer leaf.Close()
	if pids, err := leaf.Procs(); err != nil || len(pids) != 1 || pids[0] != holder.Process.Pid {
		t.Errorf("the holder's leaf has %v, %v", pids, err)
	}

	i := &instance{t: t, state: filepath.Join(dir, "state"), socket: filepath.Join(dir, "exec.sock"), stderr: &output{}}
	i.args = []string{"--services-unit", servicesUnit}
	i.attr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: own.FD()}
	i.wrap = []string{"/usr/bin/env", "NOTIFY_SOCKET=" + path}
	t.Cleanup(i.stop)
	i.start()
	waitReady(t, notifyFD)
	c := i.dial()
	c.list()
	in := c.install(service("s", "exec sleep 600"))
	p := c.launch(in, "s")
	if wanted := services.Path() + "/p-test/s-s/run-" + p.id; p.cgroup != wanted {
		t.Errorf("it runs in %q, want %q", p.cgroup, wanted)
	}
	c.close()
	i.kill9() // KillMode=process
	if gone(p.pid) {
		t.Fatal("the service died with the helper's unit")
	}
	i.start()
	c = i.dial()
	wanted := map[bool]int{true: 3, false: 1}[custody]
	if one := c.list()[p.id]; one.Listed == nil || one.Listed.Record.PID != p.pid || len(one.fds) != wanted {
		t.Errorf("it is listed as %+v with %d descriptors", one.Listed, len(one.fds))
	}
	if said := i.stderr.String(); strings.Contains(said, "there is no holder") == custody {
		t.Errorf("the helper said %q", said)
	}
	c.done(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
	c.over(p.id)
}

// The holder of the system's unit has no capabilities, so that without more root
// without capabilities could take its descriptors (ptrace(2)).
func TestNobodyLooksIntoAHolderWithoutPrivilege(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("it takes root")
	}
	_, services, _ := units(t)
	path, notifyFD := listenNotify(t)
	holder := exec.Command("setpriv", "--inh-caps=-all", "--bounding-set=-all", os.Args[0], "hold", "--custody", filepath.Join(t.TempDir(), "custody.sock"))
	holder.Env = append(os.Environ(), "NOTIFY_SOCKET="+path)
	holder.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: services.FD()}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = holder.Process.Kill(); _ = holder.Wait() })
	waitReady(t, notifyFD)
	pidfd, err := sys.PidfdOpen(holder.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	onThread(func() {
		if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &make([]unix.CapUserData, 2)[0]); err != nil {
			t.Error(err)
			return
		}
		if fd, err := unix.PidfdGetfd(pidfd, 0, 0); err == nil {
			unix.Close(fd)
			t.Error("its descriptors can be taken by root without capabilities")
		}
	})
}

func TestAUnitWithoutAHolderIsRefused(t *testing.T) {
	_, _, own := units(t)
	dir := t.TempDir()
	for _, unit := range []string{servicesUnit, "other.service", "../../x"} {
		i := &instance{t: t, state: filepath.Join(dir, "state"), socket: filepath.Join(dir, "exec.sock"), stderr: &output{}}
		i.args = []string{"--services-unit", unit}
		i.attr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: own.FD()}
		i.start()
		if err := i.command.Wait(); err == nil || !strings.Contains(i.stderr.String(), "cannot contain services in cgroups") {
			t.Errorf("%s: ended with %v: %s", unit, err, i.stderr)
		}
	}
}

// somebody is a user without privileges.
const somebody = 65534

func TestAUserWithoutACgroupGetsSessionsAndKnowsWhatFails(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("it takes root to become somebody else")
	}
	dir, err := os.MkdirTemp("", "sysg-somebody")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	i := &instance{t: t, state: filepath.Join(dir, "state"), socket: filepath.Join(dir, "exec.sock"), binary: filepath.Join(dir, "sysg-exec"), stderr: &output{}}
	// Where go test puts its binary, others may not look.
	if out, err := exec.Command("cp", os.Args[0], i.binary).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, path := range []string{dir, i.binary} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(i.state, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(i.state, somebody, somebody); err != nil {
		t.Fatal(err)
	}
	i.attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: somebody, Gid: somebody}}
	t.Cleanup(i.stop)
	i.start()
	c := i.dial() // Root may ask, too.
	c.list()
	if said := i.stderr.String(); !strings.Contains(said, "kept together by their sessions") {
		t.Errorf("it does not say that it has no cgroup: %q", said)
	}

	nice, score := -5, -500
	id, niced, scored, limited, secret := service("id", "id -u"), service("niced", "exit"), service("scored", "exit"), service("limited", "exit"), service("secret", "exit")
	niced.Nice, scored.OOMScore = &nice, &score
	limited.Rlimits = []generation.Rlimit{{Name: "nofile", Soft: 1 << 19, Hard: 1 << 20}}
	secret.Dir = t.TempDir()
	if err := os.Chmod(secret.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	in := c.install(id, limited, niced, scored, secret)
	p := c.launch(in, "id")
	want(t, "uid", readAll(t, p.out), fmt.Sprintln(somebody))
	c.over(p.id)
	for _, test := range []struct {
		service string
		stage   spec.Stage
		errnos  []syscall.Errno
	}{
		{"niced", spec.StageNice, []syscall.Errno{unix.EACCES, unix.EPERM}},
		{"scored", spec.StageOOMScore, []syscall.Errno{unix.EACCES, unix.EPERM}},
		{"limited", spec.StageRlimits, []syscall.Errno{unix.EPERM}},
		{"secret", spec.StageChdir, []syscall.Errno{unix.EACCES}},
	} {
		f := c.fails(in, test.service)
		known := false
		for _, errno := range test.errnos {
			known = known || f.Errno == int(errno)
		}
		if f.Stage != test.stage || !known {
			t.Errorf("%s: failed as %+v, want stage %s", test.service, f, test.stage)
		}
	}
	p = c.launch(in, "id")
	c.over(p.id)
}
