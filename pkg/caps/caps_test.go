package caps

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// What a thread gives up it cannot have back, so each case is a process of its
// own: this test binary, called like the case.
var cases = map[string]func() error{
	"bound":  func() error { return Bound(1<<unix.CAP_KILL | 1<<unix.CAP_CHOWN) },
	"empty":  func() error { return errors.Join(Bound(0), locked(LockNoRoot), Only(0)) },
	"list":   func() error { return errors.Join(Bound(1<<unix.CAP_KILL), Only(1<<unix.CAP_KILL)) },
	"shrink": func() error { return errors.Join(Only(1<<unix.CAP_KILL|1<<unix.CAP_SETUID), Only(1<<unix.CAP_SETUID)) },
	"noroot": func() error { return locked(LockNoRoot) },
	"bare":   func() error { return errors.Join(Only(1<<unix.CAP_KILL), InheritNothing()) },
	"user": func() error {
		list := Set(1 << unix.CAP_NET_BIND_SERVICE)
		err := errors.Join(Bound(list), KeepOverUser())
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 1234, 1234, 1234); errno != 0 {
			return errno
		}
		return errors.Join(err, Only(list))
	},
	"beyond": func() error { return errors.Join(Bound(0), wanted(Bound(1<<unix.CAP_KILL)), wanted(Bound(1<<63))) },
	"greedy": func() error { return errors.Join(Only(1<<unix.CAP_KILL), wanted(Only(1<<unix.CAP_CHOWN))) },
}

func wanted(err error) error {
	if err == nil {
		return errors.New("it should have been refused")
	}
	return nil
}

func locked(lock func() error) error {
	err := lock()
	if is, asked := NoRootLocked(); !is {
		return errors.Join(err, asked, errors.New("it is not locked"))
	}
	return err
}

func init() { runtime.LockOSThread() }

func TestMain(m *testing.M) {
	name, isCase := os.LookupEnv("CAPS_CASE")
	if !isCase {
		os.Exit(m.Run())
	}
	state := State{}
	err := cases[name]()
	if err == nil {
		state, err = Own()
	}
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
	if len(os.Args) > 1 { // What a program has after an execve.
		_ = syscall.Exec("/bin/sh", []string{"sh", "-c", "grep ^Cap /proc/self/status"}, nil)
	}
	_ = json.NewEncoder(os.Stdout).Encode(state)
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("CI runs this as root")
		}
		t.Skip("not root")
	}
	command := exec.Command(os.Args[0], args...)
	command.Env = []string{"CAPS_CASE=" + name}
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
	return string(out)
}

func TestAThreadGivesUpWhatIsNotListed(t *testing.T) {
	own, err := Own()
	if err != nil {
		t.Fatal(err)
	}
	kill, setuid, bind := Set(1<<unix.CAP_KILL), Set(1<<unix.CAP_SETUID), Set(1<<unix.CAP_NET_BIND_SERVICE)
	for name, want := range map[string]State{
		"bound":  {own.Permitted, own.Effective, own.Inheritable, kill | 1<<unix.CAP_CHOWN, 0},
		"empty":  {},
		"list":   Exactly(kill),
		"shrink": {setuid, setuid, setuid, own.Bounding, setuid},
		"bare":   {kill, kill, 0, own.Bounding, 0},
		"user":   Exactly(bind),
		"noroot": own,
	} {
		var got State
		if err := json.Unmarshal([]byte(run(t, name)), &got); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", name, got, err, want)
		}
	}
}

func TestWhatIsNotThereCannotBeKept(t *testing.T) {
	run(t, "beyond")
	run(t, "greedy")
}

// The five sets of user 0 come back at an execve, but not with the lock.
func TestUserZeroGetsNothingBackAtAnExecve(t *testing.T) {
	if text := run(t, "noroot", "exec"); !strings.Contains(text, "CapEff:\t0000000000000000") {
		t.Errorf("with the lock: %s", text)
	}
	if text := run(t, "shrink", "exec"); strings.Contains(text, "CapEff:\t0000000000000080") {
		t.Errorf("this test proves nothing, since user 0 gets nothing back without the lock either: %s", text)
	}
	if text := run(t, "user", "exec"); strings.Count(text, "0000000000000400") != 5 {
		t.Errorf("a user with one capability has after an execve: %s", text)
	}
}

func TestNamesAndNumbersAgree(t *testing.T) {
	for n, name := range map[int]string{
		unix.CAP_CHOWN: "CAP_CHOWN", unix.CAP_NET_BIND_SERVICE: "CAP_NET_BIND_SERVICE", unix.CAP_SYS_ADMIN: "CAP_SYS_ADMIN",
		unix.CAP_SETFCAP: "CAP_SETFCAP", unix.CAP_BPF: "CAP_BPF", unix.CAP_CHECKPOINT_RESTORE: "CAP_CHECKPOINT_RESTORE",
	} {
		if got, known := Number(name); Name(n) != name || got != n || !known {
			t.Errorf("%s is %d, and %d is %s", name, got, n, Name(n))
		}
	}
	if _, known := Number("CAP_NONSENSE"); known || len(names) != unix.CAP_LAST_CAP+1 {
		t.Errorf("%d names", len(names))
	}
	if text := (Set(1<<63) | 1).String(); text != "CAP_CHOWN CAP_63" {
		t.Errorf("got %s", text)
	}
}
