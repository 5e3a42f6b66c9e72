package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/caps"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/seccomp"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// combinations is how many services the test below makes up. It is always the
// same ones: the seed is fixed.
const combinations = 200

// TestAServiceIsWhatItsGenerationSaysWhateverItCombines launches services with
// all kinds of identity, limits and confinement together, and compares each
// with what the kernel says of it: in /proc, and asked from inside.
func TestAServiceIsWhatItsGenerationSaysWhateverItCombines(t *testing.T) {
	i := startSystem(t)
	c := i.dial()
	m := newMaker(t)
	all := make([]generation.LaunchService, combinations)
	for n := range all {
		all[n] = m.service(fmt.Sprintf("s%03d", n))
	}
	in := c.install(all...)
	direct := 0
	for n := range all {
		s := &all[n]
		p := c.launch(in, s.Name)
		inside := untilReady(t, s, p)
		before := t.Failed()
		if s.Confinement.Init {
			p.pid = onlyChild(t, p.pid)
		}
		compare(t, s, p)
		compareInside(t, s, inside)
		if s.Confinement.Capabilities == 0 && s.NoNewPrivs && s.Umask == 0o022 {
			direct++
		}
		if t.Failed() && !before {
			t.Logf("%s is %+v, confined to %+v", s.Name, *s, *s.Confinement)
		}
		c.done(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
		p.launched.drop()
	}
	if direct == 0 {
		t.Error("none of them is simple")
	}
}

// untilReady is what it says of itself.
func untilReady(t *testing.T, s *generation.LaunchService, p process) string {
	t.Helper()
	var all strings.Builder
	for !strings.HasSuffix(all.String(), "ready\n") {
		text, more := readSome(t, p.out)
		if all.WriteString(text); !more {
			t.Fatalf("%s ended after %q, saying %q: it is %+v, confined to %+v", s.Name, all.String(), readAll(t, p.errors), *s, *s.Confinement)
		}
	}
	return all.String()
}

// onlyChild is the service behind its process 1.
func onlyChild(t *testing.T, pid int) int {
	t.Helper()
	children := strings.Fields(procText(t, pid, fmt.Sprintf("task/%d/children", pid)))
	if len(children) != 1 {
		t.Fatalf("process 1 has the children %v", children)
	}
	child, _ := strconv.Atoi(children[0])
	return child
}

// tells says from inside what a child of the service finds itself to be, and
// stays: the shell itself, so that nothing changes while it is looked at.
const tells = `grep -E '^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp):' /proc/self/status; echo "umask $(umask)"; echo "cwd $(pwd)"; echo ready; sleep 600; :`

// maker makes services up.
type maker struct {
	*rand.Rand
	bounding caps.Set
	filter   *generation.Seccomp
	nofile   unix.Rlimit
	dir      string
}

func newMaker(t *testing.T) *maker {
	t.Helper()
	m := &maker{Rand: rand.New(rand.NewPCG(1, 2)), dir: t.TempDir()}
	state, err := caps.Own()
	if err != nil {
		t.Fatal(err)
	}
	m.bounding = state.Bounding
	if m.filter, err = seccomp.Compile(runtime.GOARCH, seccomp.Profile{Name: "service"}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &m.nofile); err != nil {
		t.Fatal(err)
	}
	return m
}

// one is true one time in n.
func (m *maker) one(n int) bool { return m.IntN(n) == 0 }

func pick[T any](m *maker, from ...T) T { return from[m.IntN(len(from))] }

func (m *maker) service(name string) generation.LaunchService {
	s := program(name, "/bin/sh", "-c", tells)
	s.Dir = pick(m, "/", "/usr", "/proc")
	s.Confinement = m.confinement()
	s.NoNewPrivs = s.Confinement.Seccomp != nil || s.Confinement.Landlock != nil || !m.one(4)
	if m.one(2) {
		return s // As simple as most services.
	}
	s.Umask = pick[uint32](m, 0, 0o022, 0o027, 0o077)
	if m.one(2) {
		nice := m.IntN(30) - 10
		s.Nice = &nice
	}
	if m.one(2) {
		score := m.IntN(1001)
		s.OOMScore = &score
	}
	if m.one(3) {
		s.Affinity = []uint64{1 << m.IntN(runtime.NumCPU())}
	}
	if m.one(3) {
		s.IOPriority = pick(m, 1<<13|4, 2<<13|7, 3<<13)
	}
	for _, limit := range []generation.Rlimit{
		{Name: "as", Soft: 1 << 30, Hard: 1 << 31}, {Name: "core", Soft: 0, Hard: 0}, {Name: "nofile", Soft: 50, Hard: 60},
		{Name: "fsize", Soft: 1 << 20, Hard: 1 << 20}, {Name: "nproc", Soft: 2000, Hard: 2000}, {Name: "cpu", Soft: 100, Hard: 200},
	} {
		if m.one(3) {
			s.Rlimits = append(s.Rlimits, limit)
		}
	}
	for n := range m.IntN(3) {
		s.Sockets = append(s.Sockets, socketAt(fmt.Sprintf("x%d", n), generation.SocketUnix, filepath.Join(m.dir, fmt.Sprintf("%s.%d", name, n))))
	}
	return s
}

func (m *maker) confinement() *generation.Confinement {
	c := &generation.Confinement{Identity: generation.Identity{
		UID: pick[uint32](m, 0, 1, 61234, 1<<31, 4294967294), GID: pick[uint32](m, 0, 5, 61235, 4294967294),
	}}
	for range m.IntN(6) {
		c.Identity.Groups = append(c.Identity.Groups, pick[uint32](m, 0, 4, 5, 27, 61235, 61236, 1<<31))
	}
	slices.Sort(c.Identity.Groups)
	c.Identity.Groups = slices.Compact(c.Identity.Groups)
	if m.one(2) {
		c.Capabilities = m.Uint64() & m.Uint64() & uint64(m.bounding)
	}
	if m.one(2) {
		return c
	}
	c.Network, c.Mount, c.PID, c.User, c.IPC, c.UTS, c.Cgroup = m.one(3), m.one(3), m.one(3), m.one(3), m.one(3), m.one(3), m.one(3)
	c.PrivateTmp, c.PrivateDevices = m.one(3), m.one(3)
	c.ProtectSystem = pick(m, "", "", generation.ProtectUsr, generation.ProtectStrict)
	if m.one(3) {
		c.Seccomp = m.filter
	}
	if m.one(4) {
		c.Landlock = &generation.Landlock{ReadOnly: []string{"/"}, ReadWrite: []string{"/dev/null"}}
	}
	c.Init = c.PID && m.one(2)
	return c
}

// compare looks at a service from outside.
func compare(t *testing.T, s *generation.LaunchService, p process) {
	t.Helper()
	compareStatus(t, s, status(t, p.pid))
	want(t, s.Name+"'s cgroup", line(t, procText(t, p.pid, "cgroup"), "0::/"), p.cgroup)
	var fds []string
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		fds = append(fds, entry.Name())
	}
	slices.Sort(fds)
	want(t, s.Name+"'s descriptors", strings.Join(fds, " "), strings.Join([]string{"0", "1", "2", "3", "4"}[:3+len(s.Sockets)], " "))
	stat, err := sys.ReadProcStat(p.pid)
	if err != nil || stat.Session != p.pid {
		t.Errorf("%s is in session %d: %v", s.Name, stat.Session, err)
	}
	compareLimits(t, s, p.pid)
	compareNamespaces(t, s, p.pid)
}

func compareStatus(t *testing.T, s *generation.LaunchService, got sys.ProcStatus) {
	t.Helper()
	id, list := &s.Confinement.Identity, s.Confinement.Capabilities
	if got.UIDs != [4]uint32{id.UID, id.UID, id.UID, id.UID} || got.GIDs != [4]uint32{id.GID, id.GID, id.GID, id.GID} || !slices.Equal(got.Groups, id.Groups) {
		t.Errorf("%s runs as %v, %v, %v, not %+v", s.Name, got.UIDs, got.GIDs, got.Groups, id)
	}
	for name, set := range map[string]uint64{
		"permitted": got.CapPermitted, "effective": got.CapEffective, "inheritable": got.CapInheritable, "bounding": got.CapBounding, "ambient": got.CapAmbient,
	} {
		if set != list {
			t.Errorf("%s: the %s set is %s, not %s", s.Name, name, caps.Set(set), caps.Set(list))
		}
	}
	if got.NoNewPrivs != s.NoNewPrivs || (got.Seccomp == 2) != (s.Confinement.Seccomp != nil) {
		t.Errorf("%s: no_new_privs is %v, seccomp %d", s.Name, got.NoNewPrivs, got.Seccomp)
	}
}

func compareInside(t *testing.T, s *generation.LaunchService, text string) {
	t.Helper()
	got, err := sys.ParseProcStatus(text)
	if err != nil {
		t.Errorf("%s: %v", s.Name, err)
		return
	}
	compareStatus(t, s, got)
	want(t, s.Name+"'s umask", line(t, text, "umask "), fmt.Sprintf("%04o", s.Umask))
	want(t, s.Name+"'s directory", line(t, text, "cwd "), s.Dir)
}

// rlimitNames are the names of /proc/PID/limits for those of manifests.
var rlimitNames = map[string]string{
	"as": "Max address space", "core": "Max core file size", "nofile": "Max open files", "fsize": "Max file size",
	"nproc": "Max processes", "cpu": "Max cpu time",
}

func compareLimits(t *testing.T, s *generation.LaunchService, pid int) {
	t.Helper()
	got, own := rlimitsOf(t, pid), rlimitsOf(t, os.Getpid())
	for key, name := range rlimitNames {
		wanted := own[name]
		if at := slices.IndexFunc(s.Rlimits, func(l generation.Rlimit) bool { return l.Name == key }); at >= 0 {
			wanted = fmt.Sprintf("%d %d", s.Rlimits[at].Soft, s.Rlimits[at].Hard)
		} else if key == "nofile" {
			continue // This test has raised its own.
		}
		want(t, s.Name+"'s limit "+key, got[name], wanted)
	}
	nice, err := unix.Getpriority(unix.PRIO_PROCESS, pid)
	if wanted := valueOr(s.Nice, 0); err != nil || 20-nice != wanted { // The raw call returns it like that.
		t.Errorf("%s: nice is %d, not %d: %v", s.Name, 20-nice, wanted, err)
	}
	if s.OOMScore != nil {
		want(t, s.Name+"'s oom_score_adj", strings.TrimSpace(procText(t, pid, "oom_score_adj")), fmt.Sprint(*s.OOMScore))
	}
	if io, _, _ := unix.Syscall(unix.SYS_IOPRIO_GET, 1, uintptr(pid), 0); s.IOPriority != 0 && int(io) != s.IOPriority {
		t.Errorf("%s: ionice is %d, not %d", s.Name, io, s.IOPriority)
	}
	var cpus unix.CPUSet
	if err := unix.SchedGetaffinity(pid, &cpus); err != nil || s.Affinity != nil && uint64(cpus[0]) != s.Affinity[0] {
		t.Errorf("%s: its CPUs are %v, not %v: %v", s.Name, cpus, s.Affinity, err)
	}
}

func valueOr(value *int, otherwise int) int {
	if value != nil {
		return *value
	}
	return otherwise
}

func procText(t *testing.T, pid int, name string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// compareNamespaces asks which ones are its own, and what is mounted there.
func compareNamespaces(t *testing.T, s *generation.LaunchService, pid int) {
	t.Helper()
	c := s.Confinement
	view := c.Mount || c.PID || c.PrivateTmp || c.PrivateDevices || c.ProtectSystem != ""
	for name, wanted := range map[string]bool{"net": c.Network, "mnt": view, "pid": c.PID, "user": c.User, "ipc": c.IPC, "uts": c.UTS, "cgroup": c.Cgroup} {
		ours, err := os.Readlink("/proc/self/ns/" + name)
		if err != nil {
			t.Fatal(err)
		}
		its, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, name))
		if err != nil || (its != ours) != wanted {
			t.Errorf("%s: its %s namespace is %s, ours %s: %v", s.Name, name, its, ours, err)
		}
	}
	// The fifth field is where, the sixth how it is mounted (proc(5)).
	how, shared := map[string]string{}, false
	for line := range strings.Lines(procText(t, pid, "mountinfo")) {
		fields := strings.Fields(line)
		how[fields[4]] = fields[5]
		shared = shared || strings.Contains(line, " shared:")
	}
	if view && shared {
		t.Errorf("%s: what it mounts others see", s.Name)
	}
	writable := func(path string) bool { return strings.HasPrefix(how[path], "rw") }
	if c.PrivateTmp && (!writable("/tmp") || !writable("/var/tmp")) {
		t.Errorf("%s: it has no private /tmp: %v", s.Name, how)
	}
	if c.PrivateDevices && how["/dev"] == "" {
		t.Errorf("%s: it has no private /dev: %v", s.Name, how)
	}
	if c.ProtectSystem == generation.ProtectUsr && (writable("/usr") || how["/usr"] == "" || writable("/etc")) || c.ProtectSystem == generation.ProtectStrict && writable("/") {
		t.Errorf("%s: protect_system is %q: %v", s.Name, c.ProtectSystem, how)
	}
}
