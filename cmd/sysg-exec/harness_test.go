package main

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/cgroup"
	"systemg.org/sysg/pkg/digest"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/grant"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

// The program itself has no profile of memory, as the linker sees that nobody could
// ask for one. In a test, whose self it is, one would take memory at any time.
func init() { runtime.MemProfileRate = 0 }

// The test binary is sysg-exec, too, if it is called like it: the helpers of
// these tests, and the staged processes that they start, are itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "act" {
		actAs(os.Args[2:])
		return
	}
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-test.") {
		main()
		return
	}
	os.Exit(runAll(m))
}

// builtIn is the folder of what is built for these tests.
var builtIn string

func runAll(m *testing.M) int {
	dir, err := os.MkdirTemp("", "sysg-built")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	builtIn = dir
	return m.Run()
}

// instance is a helper in a process of its own.
type instance struct {
	t      testing.TB
	state  string
	socket string
	args   []string
	// wrap comes before the program, binary is the program if not this one,
	// attr is what its process is to have.
	wrap    []string
	binary  string
	attr    *syscall.SysProcAttr
	command *exec.Cmd
	stderr  *output
}

// output collects what a helper says.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// requireCgroups skips, or with CI=true fails, where there is no cgroup2 that
// this process may write to.
func requireCgroups(t testing.TB) {
	t.Helper()
	base, err := openBase(options{state: t.TempDir()})
	if err == nil {
		base.leave()
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	t.Skipf("no cgroups here: %v", err)
}

// removeTree kills and removes the subtree of a state directory.
func removeTree(t testing.TB, state string) {
	t.Helper()
	mount, err := cgroup.FindMount()
	if err != nil {
		return
	}
	own, _ := cgroup.Own()
	below, _ := mount.Below(own)
	root, err := cgroup.Open(mount, below)
	if err != nil {
		return
	}
	defer root.Close()
	name := fmt.Sprintf("sysg-%d-%s", os.Geteuid(), digest.Hex([]byte(state))[:8])
	base, err := root.Child(name)
	if err != nil {
		return
	}
	defer base.Close()
	eventsFD, err := base.OpenEvents()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(eventsFD)
	for {
		if err := base.Kill(); err != nil {
			t.Fatal(err)
		}
		events, err := cgroup.ReadEvents(eventsFD)
		if err != nil {
			t.Fatal(err)
		}
		if !events.Populated {
			break
		}
		_, _ = sys.Poll([]unix.PollFd{{Fd: int32(eventsFD), Events: unix.POLLPRI}}, 100)
	}
	if err := root.RemoveTree(name); err != nil {
		t.Error(err)
	}
}

// startHelper starts one. args are those of serve besides --state.
func startHelper(t testing.TB, args ...string) *instance {
	t.Helper()
	dir := t.TempDir()
	i := &instance{
		t: t, state: filepath.Join(dir, "state"), socket: filepath.Join(dir, "exec.sock"),
		args: args, stderr: &output{},
	}
	if slices.Contains(args, "session") {
		t.Cleanup(i.stop)
	} else {
		requireCgroups(t)
		t.Cleanup(func() { i.stop(); removeTree(t, i.state) })
	}
	i.start()
	return i
}

// start binds the socket anew and hands it over, as sysg start does. The shell
// is there for LISTEN_PID, which is known only once the process is.
func (i *instance) start() {
	i.t.Helper()
	_ = os.Remove(i.socket)
	listenFD, err := sys.ListenPacket(i.socket)
	if err != nil {
		i.t.Fatal(err)
	}
	listener := os.NewFile(uintptr(listenFD), "exec.sock")
	defer listener.Close()
	script := `LISTEN_PID=$$ exec "$@"`
	argv := append([]string{"-c", script, "sh"}, i.wrap...)
	argv = append(argv, cmp.Or(i.binary, os.Args[0]), "serve", "--state", i.state)
	i.command = exec.Command("/bin/sh", append(argv, i.args...)...)
	i.command.Env = append(os.Environ(), "LISTEN_FDS=1", "LISTEN_FDNAMES=exec.sock")
	i.command.ExtraFiles = []*os.File{listener}
	i.command.Stderr = i.stderr
	i.command.SysProcAttr = i.attr
	if err := i.command.Start(); err != nil {
		i.t.Fatal(err)
	}
}

// kill9 ends the helper as a crash would.
func (i *instance) kill9() {
	i.t.Helper()
	_ = i.command.Process.Kill()
	_ = i.command.Wait()
}

// endHolder ends the holder, as a Quit would.
func (i *instance) endHolder() {
	h := &helper{runtime: filepath.Dir(i.socket), grants: grant.Helper{UID: uint32(os.Geteuid())}, options: options{
		system: slices.Contains(i.args, "--system"), launchTimeout: patience,
	}}
	c, err := h.findHolder()
	if err != nil {
		return // It has ended with the helper, as nothing was left.
	}
	h.custody = c
	h.leaveCustody()
	c.close()
}

func (i *instance) stop() {
	i.kill9()
	i.endHolder()
	if text := i.stderr.String(); i.t.Failed() && text != "" {
		i.t.Logf("the helper said:\n%s", text)
	}
}

// alive fails the test if the helper has died.
func (i *instance) alive() {
	i.t.Helper()
	c := i.dial()
	c.ask(spec.Request{List: &spec.List{}})
	c.list()
	c.close()
}

// service is a service of the test project, with a command for /bin/sh.
func service(name, script string) generation.LaunchService {
	return program(name, "/bin/sh", "-c", script)
}

func program(name string, argv ...string) generation.LaunchService {
	return generation.LaunchService{
		Name: name, Dir: "/", Umask: 0o022, Roles: []generation.Command{{Role: spec.RoleMain, Argv: argv}},
	}
}

// stagedService is one that needs a stage.
func stagedService(name, script string) generation.LaunchService {
	s := service(name, script)
	s.Umask = 0o027
	return s
}

// install installs services as project "test" and returns how to launch them.
func (c *client) install(services ...generation.LaunchService) spec.Installed {
	c.t.Helper()
	g := compiled(services...)
	text, err := generation.Encode(g)
	if err != nil {
		c.t.Fatal(err)
	}
	fd, err := sys.SealedMemfd("generation", text)
	if err != nil {
		c.t.Fatal(err)
	}
	defer unix.Close(fd)
	c.ask(spec.Request{Install: &spec.Install{}}, fd)
	p := c.answer()
	if p.Installed == nil {
		c.t.Fatalf("install was answered by %+v", p.Reply.Refused)
	}
	return *p.Installed
}

func compiled(services ...generation.LaunchService) *generation.Generation {
	g := &generation.Generation{
		Supervise: generation.Supervise{Format: generation.Format, Project: "test", Name: "test", Manifest: "/test.yaml"},
		Launch: generation.Launch{
			Format: generation.Format, Project: "test", Services: services,
			Inherited: []string{"PATH=" + os.Getenv("PATH"), "INHERITED=yes"},
		},
	}
	for _, s := range services {
		g.Supervise.Services = append(g.Supervise.Services, superviseOf(s))
	}
	generation.Seal(g)
	return g
}

func newIncarnation() string {
	var id [16]byte
	_, _ = rand.Read(id[:])
	return hex.EncodeToString(id[:])
}

func request(in spec.Installed, service string) spec.Launch {
	return spec.Launch{
		Project: in.Project, Generation: in.Number, Hash: in.Hash, Service: service,
		Role: spec.RoleMain, Incarnation: newIncarnation(),
	}
}

// process is a launched incarnation as its client sees it.
type process struct {
	id          string
	pid         int
	cgroup      string
	pidfd       int
	out, errors int
	// notify and ready are -1 where it has none.
	notify, ready int
	// launched is what all of that came with.
	launched packet
}

func (c *client) launch(in spec.Installed, service string) process {
	c.t.Helper()
	l := request(in, service)
	c.ask(spec.Request{Launch: &l})
	p := c.answer()
	if p.Launched == nil {
		c.t.Fatalf("launch of %s was answered by %+v %+v", service, p.Failed, p.Refused)
	}
	return c.process(p, l)
}

// process is the one that came with a Launched.
func (c *client) process(p packet, l spec.Launch) process {
	c.t.Helper()
	out := process{id: p.Launched.Incarnation, pid: p.Launched.PID, cgroup: p.Launched.Cgroup, notify: -1, ready: -1, launched: p}
	places := []*int{&out.pidfd, &out.out, &out.errors}
	if p.Launched.Notify {
		places = append(places, &out.notify)
	}
	if p.Launched.Ready {
		places = append(places, &out.ready)
	}
	if len(p.fds) != len(places) {
		c.t.Fatalf("%d descriptors came with Launched, not %d", len(p.fds), len(places))
	}
	for i, place := range places {
		*place = p.fds[i]
	}
	home := sessionHome{mark: invocationMark(l)}
	c.t.Cleanup(func() { _ = home.kill() }) // For tests without cgroups.
	return out
}

// launchAs launches a role, changed by edit.
func (c *client) launchAs(in spec.Installed, service string, role spec.Role, edit func(*spec.Launch)) packet {
	c.t.Helper()
	l := request(in, service)
	l.Role = role
	if edit != nil {
		edit(&l)
	}
	c.ask(spec.Request{Launch: &l})
	return c.answer()
}

// fails launches what must fail and returns how.
func (c *client) fails(in spec.Installed, service string) spec.Failed {
	c.t.Helper()
	l := request(in, service)
	c.ask(spec.Request{Launch: &l})
	p := c.answer()
	if p.Failed == nil {
		c.t.Fatalf("launch of %s was answered by %+v %+v", service, p.Launched, p.Refused)
	}
	if p.Failed.Incarnation != l.Incarnation {
		c.t.Errorf("failed is incarnation %q", p.Failed.Incarnation)
	}
	return *p.Failed
}

// readAll reads a pipe to its end.
func readAll(t testing.TB, fd int) string {
	t.Helper()
	var all []byte
	for {
		text, more := readSome(t, fd)
		all = append(all, text...)
		if !more {
			return string(all)
		}
	}
}

// readUntil reads a pipe until mark has come.
func readUntil(t testing.TB, fd int, mark string) string {
	t.Helper()
	var all []byte
	for !strings.Contains(string(all), mark) {
		text, more := readSome(t, fd)
		all = append(all, text...)
		if !more {
			t.Fatalf("the pipe ended with %q", all)
		}
	}
	return string(all)
}

func readSome(t testing.TB, fd int) (text string, more bool) {
	t.Helper()
	buf := make([]byte, 64<<10)
	deadline := time.Now().Add(patience)
	for {
		n, err := sys.Read(fd, buf)
		switch {
		case errors.Is(err, sys.ErrWouldBlock) && time.Now().Before(deadline):
			_, _ = sys.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 1000)
		case err != nil:
			t.Fatalf("the pipe: %v", err)
		default:
			return string(buf[:n]), n > 0
		}
	}
}

// gone reports whether no process has this pid any more, zombies included.
func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }
