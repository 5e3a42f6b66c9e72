package confine

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/seccomp"
)

// filtered is what a child of these tests does: it installs a filter on the
// thread that it is, and becomes the program.
type filtered struct {
	Filter *generation.Seccomp
	Argv   []string
}

const filteredEnv = "CONFINE_TEST_FILTERED"

// under runs argv under a filter, in a child of this test.
func under(t *testing.T, p seccomp.Profile, argv ...string) (string, error) {
	t.Helper()
	filter, err := seccomp.Compile(runtime.GOARCH, p)
	if err != nil {
		t.Fatal(err)
	}
	return underFilter(t, filter, argv...)
}

func underFilter(t *testing.T, filter *generation.Seccomp, argv ...string) (string, error) {
	t.Helper()
	text, err := json.Marshal(filtered{filter, argv})
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestBecomeFiltered$")
	child.Env = append(os.Environ(), filteredEnv+"="+string(text))
	out, err := child.CombinedOutput()
	return string(out), err
}

// TestBecomeFiltered is the child.
func TestBecomeFiltered(t *testing.T) {
	text := os.Getenv(filteredEnv)
	if text == "" {
		return
	}
	runtime.LockOSThread()
	var f filtered
	err := json.Unmarshal([]byte(text), &f)
	if err == nil {
		err = setNoNewPrivs()
	}
	debug.SetGCPercent(-1) // As in Become.
	l := Launch{
		Argv: f.Argv, Env: []string{"PATH=/nowhere:" + os.Getenv("PATH"), probeEnv + "=1"}, Dir: "/",
		// For a limit of memory there is to be enough of it before (reserve).
		Rlimits:     []generation.Rlimit{{Name: "as", Soft: generation.Unlimited, Hard: generation.Unlimited}},
		Confinement: &generation.Confinement{Identity: generation.Identity{UID: 1}, Seccomp: f.Filter},
	}
	for i := range 15 { // More than fits into the memory that there is.
		l.Env = append(l.Env, fmt.Sprintf("LARGE%d=%s", i, strings.Repeat("x", 100<<10)))
	}
	if err == nil {
		err = seccompSteps(&l)[0].Do()
	}
	if err == nil {
		err = execute(l, func() error { return nil })
	}
	fmt.Println(err)
	os.Exit(99)
}

const probeEnv = "CONFINE_TEST_PROBE"

// TestProbe is a program under a filter, in Go, with threads and children: it
// prints what a call answers for each number and argument that it is given.
func TestProbe(t *testing.T) {
	if os.Getenv(probeEnv) == "" {
		return
	}
	done := make(chan int)
	for range 8 {
		go func() {
			runtime.LockOSThread()
			done <- unix.Gettid()
		}()
	}
	for range 8 {
		<-done
	}
	if err := exec.Command("true").Run(); err != nil {
		fmt.Println("child:", err)
	}
	for _, arg := range os.Args[slices.Index(os.Args, "--")+1:] {
		var number, a, b uintptr
		if _, err := fmt.Sscanf(arg, "%d,%d,%d", &number, &a, &b); err != nil {
			fmt.Println(err)
		}
		_, _, errno := unix.RawSyscall6(number, a, b, 0, 0, 0, 0)
		fmt.Println(int(errno))
	}
	os.Exit(0)
}

// asked has a Go program under a filter make calls, and gives the error numbers.
func asked(t *testing.T, p seccomp.Profile, calls ...[3]uintptr) []syscall.Errno {
	t.Helper()
	argv := []string{os.Args[0], "-test.run=^TestProbe$", "--"}
	for _, c := range calls {
		argv = append(argv, fmt.Sprintf("%d,%d,%d", c[0], c[1], c[2]))
	}
	out, err := under(t, p, argv...)
	if err != nil {
		t.Fatalf("%+v: %v: %s", p, err, out)
	}
	var answers []syscall.Errno
	for line := range strings.Lines(out) {
		var errno int
		if _, err := fmt.Sscan(line, &errno); err != nil {
			t.Fatalf("%+v: %s", p, out)
		}
		answers = append(answers, syscall.Errno(errno))
	}
	return answers
}

// TestForbiddenCallsFailAsTheProfileSays, and nothing else does, on this kernel.
func TestForbiddenCallsFailAsTheProfileSays(t *testing.T) {
	const afVsock, tiocsti = 40, 0x5412
	calls := []struct {
		does            string
		call            [3]uintptr
		service, strict syscall.Errno
	}{
		{"getpid", [3]uintptr{unix.SYS_GETPID}, 0, 0},
		{"mount", [3]uintptr{unix.SYS_MOUNT}, unix.EPERM, unix.EPERM},
		{"bpf", [3]uintptr{unix.SYS_BPF, 999}, unix.EPERM, unix.EPERM},
		{"ptrace", [3]uintptr{unix.SYS_PTRACE, 999}, unix.EPERM, unix.EPERM},
		{"a user namespace", [3]uintptr{unix.SYS_UNSHARE, unix.CLONE_NEWUSER}, unix.EPERM, unix.EPERM},
		{"a namespace by clone", [3]uintptr{unix.SYS_CLONE, unix.CLONE_NEWNS}, unix.EPERM, unix.EPERM},
		{"unshare of the directory", [3]uintptr{unix.SYS_UNSHARE, unix.CLONE_FS}, 0, 0},
		{"clone3", [3]uintptr{unix.SYS_CLONE3}, unix.ENOSYS, unix.ENOSYS},
		{"io_uring", [3]uintptr{unix.SYS_IO_URING_SETUP, 1}, unix.ENOSYS, unix.ENOSYS},
		{"a call of tomorrow", [3]uintptr{2000}, unix.ENOSYS, unix.ENOSYS},
		{"typing into a terminal", [3]uintptr{unix.SYS_IOCTL, 0, tiocsti}, unix.EPERM, unix.EPERM},
		{"another persona", [3]uintptr{unix.SYS_PERSONALITY, 0x40000}, unix.EPERM, unix.EPERM},
		{"a key", [3]uintptr{unix.SYS_KEYCTL, 999}, unix.EOPNOTSUPP, unix.EPERM},
		{"shared memory", [3]uintptr{unix.SYS_SHMGET, 0x5e1f7e57, 1}, unix.ENOENT, unix.ENOSYS},
		{"a vsock", [3]uintptr{unix.SYS_SOCKET, afVsock, 999}, unix.EINVAL, unix.EAFNOSUPPORT},
		{"a unix socket", [3]uintptr{unix.SYS_SOCKET, unix.AF_UNIX, unix.SOCK_STREAM}, 0, 0},
	}
	var numbers [][3]uintptr
	for _, c := range calls {
		numbers = append(numbers, c.call)
	}
	service := asked(t, seccomp.Profile{Name: seccomp.Service}, numbers...)
	strict := asked(t, seccomp.Profile{Name: seccomp.Strict}, numbers...)
	for i, c := range calls {
		if service[i] != c.service {
			t.Errorf("service: %s gives %v, want %v", c.does, service[i], c.service)
		}
		if strict[i] != c.strict {
			t.Errorf("strict: %s gives %v, want %v", c.does, strict[i], c.strict)
		}
	}
}

func TestAListOfOnesOwnIsHeldToo(t *testing.T) {
	got := asked(t, seccomp.Profile{Deny: []string{"getuid", "io_uring_setup"}},
		[3]uintptr{unix.SYS_GETUID}, [3]uintptr{unix.SYS_IO_URING_SETUP, 1}, [3]uintptr{unix.SYS_MOUNT})
	if got[0] != unix.EPERM || got[1] != unix.ENOSYS || got[2] != unix.EFAULT && got[2] != unix.EINVAL {
		t.Errorf("getuid, io_uring_setup and mount answer %v", got)
	}
	_, err := under(t, seccomp.Profile{Deny: []string{"getuid"}, Kill: true}, os.Args[0], "-test.run=^TestProbe$", "--", fmt.Sprintf("%d,0,0", unix.SYS_GETUID))
	if signalOf(err) != unix.SIGSYS {
		t.Errorf("a call that kills ended it with %v", err)
	}
}

// TestAnyListLetsTheStageGoOn: a filter that allows nothing of its own is
// installed, and the program is executed, with what no list can take.
func TestAnyListLetsTheStageGoOn(t *testing.T) {
	program := assemble(t, exitsWith7)
	for _, name := range []string{program, filepath.Base(program)} { // the other is found in PATH
		t.Setenv("PATH", filepath.Dir(program))
		out, err := under(t, seccomp.Profile{Allow: []string{"exit"}, Kill: true}, name)
		var exited *exec.ExitError
		if !errors.As(err, &exited) || exited.ExitCode() != 7 {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}

// TestCodeForAnotherArchitectureIsKilled: int 0x80 is the door to the 32-bit
// calls, whose numbers mean others: 1 is exit there, and write here.
func TestCodeForAnotherArchitectureIsKilled(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("only amd64 has a second set of calls in the same program")
	}
	program := assemble(t, leaves32)
	if err := exec.Command(program).Run(); err != nil {
		t.Logf("without a filter: %v: this kernel has no 32-bit calls", err)
	}
	for _, p := range []seccomp.Profile{{Name: seccomp.Service}, {Name: seccomp.Strict}, {Deny: []string{"ptrace"}}} {
		if out, err := under(t, p, program); signalOf(err) != unix.SIGSYS && signalOf(err) != unix.SIGSEGV {
			t.Errorf("%+v: %v: %s", p, err, out)
		}
	}
}

func TestAFilterThatTheKernelRefusesStopsTheLaunch(t *testing.T) {
	for name, filter := range map[string][]byte{
		"no end":        {0x20, 0, 0, 0, 0, 0, 0, 0},
		"not a whole":   {6, 0, 0, 0, 0, 0},
		"nothing":       {},
		"a wild offset": {0x20, 0, 0, 0, 0xff, 0xff, 0, 0, 6, 0, 0, 0, 0, 0, 0xff, 0x7f},
	} {
		out, err := underFilter(t, &generation.Seccomp{Name: "custom", Filter: filter}, "/bin/true")
		var exited *exec.ExitError
		if !errors.As(err, &exited) || exited.ExitCode() != 99 || !strings.Contains(out, "cannot install seccomp profile custom") {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}

func signalOf(err error) syscall.Signal {
	var exited *exec.ExitError
	if !errors.As(err, &exited) {
		return 0
	}
	return exited.Sys().(syscall.WaitStatus).Signal()
}

// Code for amd64. leaves32 asks by int 0x80 for exit(0), then, where that is
// nobody's call, ends with 7.
var (
	exitsWith7 = []byte{0xb8, 60, 0, 0, 0, 0xbf, 7, 0, 0, 0, 0x0f, 0x05}
	leaves32   = append([]byte{0xb8, 1, 0, 0, 0, 0x31, 0xdb, 0xcd, 0x80}, exitsWith7...)
)

// assemble makes a program of nothing but code: one segment of an ELF file.
func assemble(t *testing.T, code []byte) string {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("the code is for amd64")
	}
	const base, header = 0x400000, 64 + 56
	elf := append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 9)...)
	for _, half := range []uint16{2, 62} {
		elf = binary.LittleEndian.AppendUint16(elf, half)
	}
	elf = binary.LittleEndian.AppendUint32(elf, 1)
	for _, word := range []uint64{base + header, 64, 0} {
		elf = binary.LittleEndian.AppendUint64(elf, word)
	}
	elf = binary.LittleEndian.AppendUint32(elf, 0)
	for _, half := range []uint16{64, 56, 1, 0, 0, 0} {
		elf = binary.LittleEndian.AppendUint16(elf, half)
	}
	elf = binary.LittleEndian.AppendUint64(elf, 1|5<<32) // PT_LOAD, read and execute
	for _, word := range []uint64{0, base, base, header + uint64(len(code)), header + uint64(len(code)), 0x1000} {
		elf = binary.LittleEndian.AppendUint64(elf, word)
	}
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, append(elf, code...), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
