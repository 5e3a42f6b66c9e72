package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/cgroup"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// modes are the two containments; whatever holds for one holds for the other.
var modes = []string{"cgroup", "session"}

func eachMode(t *testing.T, test func(t *testing.T, mode string)) {
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			test(t, mode)
		})
	}
}

// facts is a script that tells what a service finds itself to be.
const facts = `
echo "stdin $(readlink /proc/$$/fd/0)"
echo "cwd $(pwd)"
echo "umask $(umask)"
echo "nofile $(ulimit -Sn) $(ulimit -Hn)"
read -r stat < /proc/$$/stat
set -- ${stat##*) }
echo "pid $$ session $4 nice ${17}"
echo "oom $(cat /proc/$$/oom_score_adj)"
echo "comm $(cat /proc/$$/comm)"
grep '^0::' /proc/$$/cgroup
echo "to stderr" >&2
env
`

func line(t *testing.T, text, prefix string) string {
	t.Helper()
	for line := range strings.Lines(text) {
		if rest, found := strings.CutPrefix(line, prefix); found {
			return strings.TrimSpace(rest)
		}
	}
	t.Fatalf("no line begins with %q in:\n%s", prefix, text)
	return ""
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %q, want %q", what, got, want)
	}
}

func TestAServiceFindsWhatItsGenerationSays(t *testing.T) {
	var own syscall.Rlimit
	// What the Go runtime of this test raised, its children get back.
	original := shellLimit(t)
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &own); err != nil {
		t.Fatal(err)
	}
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		dir := t.TempDir()
		nice, score := 7, 123
		direct, staged, limited := service("direct", facts), stagedService("staged", facts), service("limited", facts)
		direct.Dir, staged.Dir, limited.Dir = dir, dir, dir
		limited.Nice, limited.OOMScore = &nice, &score
		limited.Umask = 0o077
		limited.Rlimits = []generation.Rlimit{{Name: "nofile", Soft: 100, Hard: 200}, {Name: "core", Soft: 0, Hard: 0}}
		in := c.install(direct, limited, staged)
		for _, name := range []string{"direct", "staged", "limited"} {
			p := c.launch(in, name)
			text := readAll(t, p.out)
			want(t, "stderr", readAll(t, p.errors), "to stderr\n")
			want(t, "stdin", line(t, text, "stdin "), "/dev/null")
			want(t, "directory", line(t, text, "cwd "), dir)
			want(t, "name", line(t, text, "comm "), "sh")
			want(t, "project", line(t, text, "SYSG_PROJECT="), "test")
			want(t, "service", line(t, text, "SYSG_SERVICE="), name)
			want(t, "invocation", line(t, text, "SYSG_INVOCATION_ID="), p.id)
			want(t, "inherited", line(t, text, "INHERITED="), "yes")
			if strings.Contains(text, "LISTEN_") || strings.Contains(text, "HOME=") {
				t.Errorf("the helper's own environment got through:\n%s", text)
			}
			if mode == "cgroup" {
				want(t, "cgroup", line(t, text, "0::/"), p.cgroup)
			} else {
				want(t, "cgroup of Launched", p.cgroup, "")
			}
			switch name {
			case "limited":
				want(t, "umask", line(t, text, "umask "), "0077")
				want(t, "nofile", line(t, text, "nofile "), "100 200")
				want(t, "oom_score_adj", line(t, text, "oom "), "123")
				want(t, "ids", line(t, text, "pid "), fmt.Sprintf("%d session %d nice 7", p.pid, p.pid))
			case "staged":
				want(t, "umask", line(t, text, "umask "), "0027")
				want(t, "nofile", line(t, text, "nofile "), original)
				want(t, "ids", line(t, text, "pid "), fmt.Sprintf("%d session %d nice 0", p.pid, p.pid))
			case "direct":
				want(t, "umask", line(t, text, "umask "), "0022")
				want(t, "nofile", line(t, text, "nofile "), original)
				want(t, "ids", line(t, text, "pid "), fmt.Sprintf("%d session %d nice 0", p.pid, p.pid))
			}
		}
	})
}

// The shell waits in the open of a FIFO, with what it was born with.
func TestOnlyTheStandardDescriptorsAreOpen(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	eachMode(t, func(t *testing.T, mode string) {
		c := startHelper(t, "--containment", mode).dial()
		direct, staged := service("direct", "echo ready; : < fifo"), stagedService("staged", "echo ready; : < fifo")
		direct.Dir, staged.Dir = dir, dir
		in := c.install(direct, staged)
		for _, name := range []string{"direct", "staged"} {
			p := c.launch(in, name)
			readUntil(t, p.out, "ready")
			entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.pid))
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, entry := range entries {
				names = append(names, entry.Name())
			}
			want(t, name, strings.Join(names, " "), "0 1 2")
			c.done(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
			readAll(t, p.out) // Until it is dead.
		}
	})
}

// shellLimit is the nofile limit that a plain child of this test has.
func shellLimit(t *testing.T) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	pid, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", "echo $(ulimit -Sn) $(ulimit -Hn)"},
		&syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, w.Fd(), 2}})
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	text := readAll(t, int(r.Fd()))
	_, _ = syscall.Wait4(pid, nil, 0, nil)
	return strings.TrimSpace(text)
}

// What started sysg-exec may have ignored and blocked signals, as nohup does;
// no service inherits that.
func TestSignalsOfTheHelpersParentAreNotInherited(t *testing.T) {
	if _, err := os.Stat("/usr/bin/env"); err != nil {
		t.Fatal(err)
	}
	eachMode(t, func(t *testing.T, mode string) {
		requireCgroups(t)
		dir := t.TempDir()
		i := &instance{t: t, state: filepath.Join(dir, "state"), socket: filepath.Join(dir, "exec.sock"), args: []string{"--containment", mode}, stderr: &output{}}
		i.wrap = []string{"/usr/bin/env", "--ignore-signal=HUP,INT,PIPE,USR1,CHLD", "--block-signal=TERM,USR2"}
		t.Cleanup(func() { i.stop(); removeTree(t, i.state) })
		i.start()
		c := i.dial()
		// Not by a shell, which changes its mask around each fork.
		direct := program("direct", "grep", "^Sig", "/proc/self/status")
		staged := direct
		staged.Name, staged.Umask = "staged", 0o027
		in := c.install(direct, staged)
		for _, name := range []string{"direct", "staged"} {
			text := readAll(t, c.launch(in, name).out)
			want(t, name+": blocked signals", line(t, text, "SigBlk:"), "0000000000000000")
			want(t, name+": ignored signals", line(t, text, "SigIgn:"), "0000000000000000")
		}
	})
}

func TestEachStageFailsUnderItsName(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	const secret = "hunter2"
	bad := func(s generation.LaunchService, edit func(*generation.LaunchService)) generation.LaunchService {
		edit(&s)
		return s
	}
	inDir := func(s *generation.LaunchService) { s.Dir = filepath.Join(dir, "none") }
	envFile := func(path string) func(*generation.LaunchService) {
		return func(s *generation.LaunchService) { s.Layers = []generation.Layer{{File: path}} }
	}
	for _, test := range []struct {
		name    string
		service generation.LaunchService
		stage   spec.Stage
		errno   syscall.Errno
		says    string
	}{
		{"no such program", program("s", "/no/such/program"), spec.StageExec, unix.ENOENT, "no such file"},
		{"no such program in PATH", program("s", "no-such-program"), spec.StageExec, unix.ENOENT, `cannot find program "no-such-program"`},
		{"relative program that is not there", program("s", "./none"), spec.StageExec, unix.ENOENT, "no such file"},
		{"not executable", program("s", write("plain", "#!/bin/sh\n", 0o644)), spec.StageExec, unix.EACCES, "not executable"},
		{"a directory", program("s", filepath.Join(dir, "bin")), spec.StageExec, unix.EACCES, "is a directory"},
		{"a FIFO", program("s", fifo), spec.StageExec, unix.EACCES, "not a regular file"},
		{"no interpreter", program("s", write("script", "#!/no/such/shell\n", 0o755)), spec.StageExec, unix.ENOENT, "interpreter"},
		{"neither program nor script", program("s", write("text", "hello\n", 0o755)), spec.StageExec, unix.ENOEXEC, "begins with #!"},
		{"no such directory", bad(service("s", "exit"), inDir), spec.StageChdir, unix.ENOENT, "cannot enter directory"},
		{"a file for a directory", bad(service("s", "exit"), func(s *generation.LaunchService) { s.Dir = write("file", "", 0o644) }), spec.StageChdir, unix.ENOTDIR, "cannot enter directory"},
		{"a limit above what the kernel allows", bad(service("s", "exit"), func(s *generation.LaunchService) {
			s.Rlimits = []generation.Rlimit{{Name: "nofile", Soft: 1 << 40, Hard: 1 << 40}}
		}), spec.StageRlimits, unix.EPERM, "nofile"},
		{"env file missing", bad(service("s", "exit"), envFile("/no/such/env")), spec.StageEnv, unix.ENOENT, "/no/such/env"},
		{"env file is a FIFO", bad(service("s", "exit"), envFile(fifo)), spec.StageEnv, 0, "not a regular file"},
		{"env file is a directory", bad(service("s", "exit"), envFile(dir)), spec.StageEnv, 0, "not a regular file"},
		{"env file is malformed", bad(service("s", "exit"), envFile(write("bad.env", "A=1\n"+secret+" "+secret+"\n", 0o600))), spec.StageEnv, 0, "bad.env:2"},
		{"env file is huge", bad(service("s", "exit"), envFile(write("huge.env", "A="+strings.Repeat("x", 2<<20), 0o600))), spec.StageEnv, 0, "larger than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachMode(t, func(t *testing.T, mode string) {
				i := startHelper(t, "--containment", mode)
				c := i.dial()
				for _, umask := range []uint32{0o022, 0o027} {
					s := test.service
					s.Umask = umask
					got := c.fails(c.install(s), "s")
					if got.Stage != test.stage || got.Errno != int(test.errno) || !strings.Contains(got.Detail, test.says) {
						t.Errorf("umask %04o: got %+v, want stage %s, errno %d, %q", umask, got, test.stage, test.errno, test.says)
					}
					if strings.Contains(got.Detail, secret) {
						t.Errorf("the failure quotes the env file: %s", got.Detail)
					}
				}
				if left := c.list(); len(left) != 0 {
					t.Errorf("a failed launch is remembered: %v", left)
				}
				if mode == "cgroup" {
					noLeaves(t, i)
				}
			})
		})
	}
}

// noLeaves fails the test if the helper's cgroup has anything in it.
func noLeaves(t *testing.T, i *instance) {
	t.Helper()
	if names := leaves(t, i); len(names) != 0 {
		t.Errorf("the cgroup still has %v", names)
	}
}

// leaves lists what is in the helper's cgroup.
func leaves(t *testing.T, i *instance) []string {
	t.Helper()
	base, err := openBase(options{state: i.state})
	if err != nil {
		t.Fatal(err)
	}
	defer base.leave()
	names, err := base.base.Children()
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestEnvironmentIsLayered(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	file := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(file, []byte("B=file\nC=\"${A}-${B}\"\nINHERITED=file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := service("s", "env")
	s.Layers = []generation.Layer{
		{Vars: []string{"A=root", "B=root", "SYSG_SERVICE=forged"}},
		{File: file},
		{File: "/no/such/file", Optional: true},
		{Vars: []string{"A=service"}},
	}
	text := readAll(t, c.launch(c.install(s), "s").out)
	want(t, "A", line(t, text, "A="), "service")
	want(t, "B", line(t, text, "B="), "file")
	want(t, "C", line(t, text, "C="), "root-file")
	want(t, "INHERITED", line(t, text, "INHERITED="), "file")
	want(t, "SYSG_SERVICE", line(t, text, "SYSG_SERVICE="), "s")

	s.Layers, s.NoInherit = nil, true
	if text := readAll(t, c.launch(c.install(s), "s").out); strings.Contains(text, "INHERITED") {
		t.Errorf("inherited all the same:\n%s", text)
	}
	s.NoInherit, s.Strip = false, []string{"INHERITED"}
	if text := readAll(t, c.launch(c.install(s), "s").out); strings.Contains(text, "INHERITED") {
		t.Errorf("not stripped:\n%s", text)
	}
}

// A small limit hits the service and not the steps that lead to it.
func TestTightLimitsDoNotBreakTheLaunch(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	s := service("s", "ulimit -Hn; ulimit -Hv; exit 3")
	nice, score := 1, 1
	s.Nice, s.OOMScore = &nice, &score
	s.Rlimits = []generation.Rlimit{
		{Name: "nofile", Soft: 4, Hard: 4}, {Name: "nproc", Soft: 1, Hard: 1},
	}
	addresses := "unlimited"
	if !raced {
		addresses = "65536"
		s.Rlimits = append(s.Rlimits,
			generation.Rlimit{Name: "as", Soft: 64 << 20, Hard: 64 << 20},
			generation.Rlimit{Name: "data", Soft: 32 << 20, Hard: 32 << 20})
	}
	for n := range 300 {
		s.Layers = append(s.Layers, generation.Layer{Vars: []string{fmt.Sprintf("V%d=%s", n, strings.Repeat("x", 1000))}})
	}
	p := c.launch(c.install(s), "s")
	want(t, "stderr", readAll(t, p.errors), "")
	want(t, "limits", readAll(t, p.out), "4\n"+addresses+"\n")
}

func TestLeafNames(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	in := c.install(service("web.1", "exec sleep 60"))
	p := c.launch(in, "web.1")
	wantPath := "/p-test/s-web.1/run-" + p.id
	if !strings.HasSuffix("/"+p.cgroup, wantPath) {
		t.Errorf("leaf is %q, want …%s", p.cgroup, wantPath)
	}
	mount, err := cgroup.FindMount()
	if err != nil {
		t.Fatal(err)
	}
	procs, err := os.ReadFile(filepath.Join(mount.Point, p.cgroup, "cgroup.procs"))
	if err != nil || strings.TrimSpace(string(procs)) != fmt.Sprint(p.pid) {
		t.Errorf("it holds %q, %v; want %d", procs, err, p.pid)
	}
}

func TestARemovedBaseIsMadeAnew(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	in := c.install(service("s", "exec sleep 600"))
	base, err := openBase(options{state: i.state})
	if err != nil {
		t.Fatal(err)
	}
	base.leave()
	p := c.launch(in, "s")
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", p.pid))
	if err != nil || !strings.Contains(string(text), "0::/"+p.cgroup+"\n") {
		t.Errorf("it runs in %q, %v, not %q", text, err, p.cgroup)
	}
}
