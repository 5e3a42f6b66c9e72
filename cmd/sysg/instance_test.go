package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/doctor"
	"systemg.org/sysg/pkg/paths"
)

func TestWhereAnInstanceIs(t *testing.T) {
	dir := t.TempDir()
	mine, theirs := filepath.Join(dir, "mine"), filepath.Join(dir, "theirs")
	shared := filepath.Join(dir, "data")
	for _, folder := range []string{mine, theirs, filepath.Join(shared, "systemg")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	const nobodysUID = 64001 // has no folder in /run/user
	uid := os.Getuid()
	if uid == 0 {
		if err := os.Chown(theirs, nobodysUID+1, 0); err != nil {
			t.Fatal(err)
		}
	}
	record := filepath.Join(shared, "systemg", "runtime")
	if err := os.WriteFile(record, []byte("/tmp/recorded\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name     string
		vars     map[string]string
		uid      int
		state    string
		runtimes []string
	}{
		{"as the session says", map[string]string{"XDG_RUNTIME_DIR": mine, "XDG_DATA_HOME": shared}, uid,
			shared + "/systemg", []string{mine + "/systemg", "/tmp/recorded"}},
		{"without a session", map[string]string{"XDG_DATA_HOME": shared}, nobodysUID,
			shared + "/systemg", []string{shared + "/systemg/run", "/tmp/recorded"}},
		{"below the home folder", map[string]string{"HOME": "/nowhere"}, nobodysUID,
			"/nowhere/.local/share/systemg", []string{"/nowhere/.local/share/systemg/run"}},
		{"a relative data folder does not count", map[string]string{"HOME": "/nowhere", "XDG_DATA_HOME": "data"}, nobodysUID,
			"/nowhere/.local/share/systemg", []string{"/nowhere/.local/share/systemg/run"}},
		{"nor a session's folder that is gone", map[string]string{"HOME": "/nowhere", "XDG_RUNTIME_DIR": dir + "/gone"}, nobodysUID,
			"/nowhere/.local/share/systemg", []string{"/nowhere/.local/share/systemg/run"}},
		{"nor one of another user", map[string]string{"HOME": "/nowhere", "XDG_RUNTIME_DIR": mine}, nobodysUID,
			"/nowhere/.local/share/systemg", []string{"/nowhere/.local/share/systemg/run"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			i, err := locate(environment(test.vars), test.uid)
			if err != nil {
				t.Fatal(err)
			}
			if i.state != test.state || !slices.Equal(i.runtimes, test.runtimes) {
				t.Errorf("got %s %q, want %s %q", i.state, i.runtimes, test.state, test.runtimes)
			}
		})
	}
	if _, err := locate(environment(nil), nobodysUID); !errors.Is(err, paths.ErrNoHome) {
		t.Errorf("without HOME: %v", err)
	}
}

// house is an installation of pretended daemons, with folders of its own.
type house struct {
	*testing.T
	dir, pids string
	env       []string
}

func newHouse(t *testing.T) *house {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "sg") // short: socket paths end at 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	h := &house{T: t, dir: dir, pids: filepath.Join(dir, "pids")}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(os.Mkdir(filepath.Join(dir, "run"), 0o700), os.WriteFile(h.pids, nil, 0o600),
		os.Symlink(self, filepath.Join(dir, "sysgd")), os.Symlink(self, filepath.Join(dir, "sysg-exec")))
	if err != nil {
		t.Fatal(err)
	}
	h.env = []string{
		"HOME=" + dir, "XDG_RUNTIME_DIR=" + filepath.Join(dir, "run"), "SYSG_LIBEXEC=" + dir, "SYSG_TEST_PIDS=" + h.pids, "PATH=/usr/bin:/bin",
	}
	t.Cleanup(func() {
		for _, line := range h.daemons() {
			h.kill(strings.Fields(line)[1])
		}
		_ = os.RemoveAll(dir)
	})
	return h
}

// daemons are the lines that daemons have written: name, pid, what they were given.
func (h *house) daemons() []string {
	text, err := os.ReadFile(h.pids)
	if err != nil {
		h.Fatal(err)
	}
	return slices.Collect(strings.Lines(string(text)))
}

// introduced waits until the pretended sysg-exec has noted its pid: after that
// it hangs up on whoever connects.
func (h *house) introduced() {
	h.Helper()
	path := sysgExec.socketIn(filepath.Join(h.dir, "run/systemg"))
	conn, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: path, Net: "unixpacket"})
	if err != nil {
		h.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if n, err := conn.Read(make([]byte, 1)); n != 0 {
		h.Fatalf("heard something, %v", err)
	}
}

func (h *house) kill(pid string) {
	number, err := strconv.Atoi(pid)
	if err != nil {
		h.Fatal(err)
	}
	_ = syscall.Kill(number, syscall.SIGKILL)
}

// client is a process that connects ("raise" or "reach") and prints the pid
// of the supervisor that answers.
func (h *house) client(how string) *exec.Cmd {
	h.Helper()
	self, err := os.Executable()
	if err != nil {
		h.Fatal(err)
	}
	command := exec.Command(self)
	command.Env = append(slices.Clone(h.env), "SYSG_TEST_CONNECT="+how)
	return command
}

func (h *house) connect(how string) string {
	h.Helper()
	out, err := h.client(how).CombinedOutput()
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(h.dir, ".local/share/systemg/logs/supervisor.log"))
		h.Fatalf("%v: %s\n%s", err, out, log)
	}
	h.introduced()
	return strings.TrimSpace(string(out))
}

func TestEightAtOnceMakeOneInstance(t *testing.T) {
	h := newHouse(t)
	type outcome struct {
		pid string
		err error
	}
	outcomes := make(chan outcome, 8)
	for range cap(outcomes) {
		command := h.client("raise")
		go func() {
			out, err := command.CombinedOutput()
			outcomes <- outcome{strings.TrimSpace(string(out)), err}
		}()
	}
	first := <-outcomes
	for range cap(outcomes) - 1 {
		if o := <-outcomes; o.err != nil || o.pid != first.pid {
			t.Errorf("one was answered by %q, %v, another by %q, %v", first.pid, first.err, o.pid, o.err)
		}
	}
	h.introduced()
	state, run := h.dir+"/.local/share/systemg", h.dir+"/run/systemg"
	daemons := h.daemons()
	slices.Sort(daemons)
	if len(daemons) != 2 {
		t.Fatalf("daemons %q, want one of each", daemons)
	}
	for i, want := range []string{
		fmt.Sprintf(" exec [serve --state %s]\n", state), fmt.Sprintf(" control [--state %s --runtime %s]\n", state, run),
	} {
		if !strings.HasSuffix(daemons[i], want) {
			t.Errorf("daemon %q, want …%q", daemons[i], want)
		}
	}
	for path, mode := range map[string]os.FileMode{
		state: 0o700, run: 0o700, run + "/control.sock": 0o600, run + "/exec.sock": 0o600, state + "/logs/supervisor.log": 0o600,
	} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v, want mode %o", path, info.Mode(), err, mode)
		}
	}
	if recorded, err := os.ReadFile(state + "/runtime"); string(recorded) != run+"\n" {
		t.Errorf("recorded %q, %v", recorded, err)
	}
}

func TestADaemonOutlivesWhoStartedIt(t *testing.T) {
	h := newHouse(t)
	pid, _ := strconv.Atoi(h.connect("raise"))
	sid, _, errno := syscall.Syscall(syscall.SYS_GETSID, uintptr(pid), 0, 0)
	if errno != 0 || int(sid) != pid {
		t.Errorf("session %d of %d, %v: it is not its own", sid, pid, errno)
	}
	if cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); cwd != "/" {
		t.Errorf("it holds the folder %q, %v", cwd, err)
	}
	if again := h.connect("reach"); again != strconv.Itoa(pid) {
		t.Errorf("the next one was answered by %s, want %d", again, pid)
	}
}

func TestTheRecordedFolderIsFoundWithoutASession(t *testing.T) {
	h := newHouse(t)
	pid := h.connect("raise")
	h.env = slices.DeleteFunc(h.env, func(entry string) bool { return strings.HasPrefix(entry, "XDG_RUNTIME_DIR=") })
	if again := h.connect("raise"); again != pid {
		t.Errorf("answered by %s, want %s", again, pid)
	}
}

func TestASupervisorThatDiedComesBack(t *testing.T) {
	h := newHouse(t)
	pid := h.connect("raise")
	h.kill(pid)
	h.untilRefused(filepath.Join(h.dir, "run/systemg/control.sock"))
	again := h.connect("reach")
	if again == pid || len(h.daemons()) != 3 {
		t.Errorf("answered by %s after %s was killed; daemons %q", again, pid, h.daemons())
	}
}

func TestWithoutDaemonsNothingIsStarted(t *testing.T) {
	h := newHouse(t)
	pid := h.connect("raise")
	for _, line := range h.daemons() {
		h.kill(strings.Fields(line)[1])
	}
	h.untilRefused(filepath.Join(h.dir, "run/systemg/control.sock"))
	h.untilRefused(filepath.Join(h.dir, "run/systemg/exec.sock"))
	out, err := h.client("reach").CombinedOutput()
	if err == nil || !strings.Contains(string(out), api.CodeNoSupervisor) || len(h.daemons()) != 2 {
		t.Errorf("%v: %s, daemons %q", err, out, h.daemons())
	}
	if again := h.connect("raise"); again == pid {
		t.Errorf("answered by the dead %s", pid)
	}
}

// untilRefused waits for the end of a killed daemon: its listener goes with it.
func (h *house) untilRefused(path string) {
	h.Helper()
	d := sysgd
	if path == sysgExec.socketIn(filepath.Dir(path)) {
		d = sysgExec
	}
	for d.answersIn(filepath.Dir(path)) { // nothing tells when a process of another parent is gone
	}
}

func TestAFolderThatOthersWriteToIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "systemg")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o770)); err != nil {
		t.Fatal(err)
	}
	if err := privateFolder(dir); err == nil {
		t.Error("accepted")
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := privateFolder(dir); err != nil {
		t.Error(err)
	}
}

func TestASocketPathThatIsTooLongIsSaidSo(t *testing.T) {
	_, err := new(instance).bind(sysgd, "/tmp/"+strings.Repeat("x", 100))
	if err == nil || !strings.Contains(err.Error(), "too long") {
		t.Error(err)
	}
}

func TestOnlySocketsThatNobodyHoldsAreSwept(t *testing.T) {
	dir := t.TempDir()
	i := &instance{state: t.TempDir(), runtimes: []string{dir}}
	held, err := net.ListenUnix("unix", &net.UnixAddr{Name: sysgd.socketIn(dir)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = held.Close() })
	stale, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: sysgExec.socketIn(dir), Net: "unixpacket"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	_ = stale.Close()
	i.sweep()
	if _, err := os.Lstat(sysgd.socketIn(dir)); err != nil {
		t.Errorf("the one that is held: %v", err)
	}
	if _, err := os.Lstat(sysgExec.socketIn(dir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the stale one: %v", err)
	}
}

func TestListenersInTheKernelsTable(t *testing.T) {
	const table = `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 24612 /run/user/0/systemg/control.sock
0000000000000000: 00000003 00000000 00000000 0001 03 24613 /run/user/0/systemg/exec.sock
0000000000000000: 00000002 00000000 00010000 0005 01 24614 /with space/exec.sock
0000000000000000: 00000003 00000000 00000000 0001 03 24615
`
	for path, want := range map[string]bool{
		"/run/user/0/systemg/control.sock": true,
		"/run/user/0/systemg/exec.sock":    false, // connected, not listening
		"/with space/exec.sock":            true,
		"/systemg/control.sock":            false,
		"":                                 false,
	} {
		if got := doctor.Listening(table, path); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
}

func TestADaemonDoesNotLookLikeTheServiceThatCalledSysg(t *testing.T) {
	t.Setenv("SYSG_INVOCATION_ID", "0123")
	t.Setenv("SYSG_CONTAINMENT", "session")
	t.Setenv("SECRET", "x")
	i := &instance{env: os.Getenv, logLevel: "debug"}
	env := i.daemonEnvironment(sysgd)
	for _, want := range []string{"SYSG_CONTAINMENT=session", "SYSG_LOG_LEVEL=debug", "LISTEN_FDS=1", "LISTEN_FDNAMES=control"} {
		if !slices.Contains(env, want) {
			t.Errorf("%s is missing in %q", want, env)
		}
	}
	for _, entry := range env {
		if strings.HasPrefix(entry, "SYSG_INVOCATION_ID=") || strings.HasPrefix(entry, "SECRET=") {
			t.Errorf("it gets %s", entry)
		}
	}
}

func TestALargeSupervisorLogIsSetAsideOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "supervisor.log")
	write := func(size int) {
		t.Helper()
		file, err := openSupervisorLog(path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = file.Close() }()
		if _, err := file.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	write(supervisorLogLimit)
	write(1) // still within the limit when opened
	write(1)
	for name, want := range map[string]int64{path: 1, path + ".1": supervisorLogLimit + 1} {
		if info, err := os.Stat(name); err != nil || info.Size() != want {
			t.Errorf("%s: %v, %v; want %d bytes", name, info, err, want)
		}
	}
}
