package main

import (
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/seccomp"
	"systemg.org/sysg/pkg/spec"
)

// shellCalls are what a shell needs that prints a word, and nothing that only
// the stage before it would use.
var shellCalls = strings.Fields(`
	read write open openat close fstat newfstatat statx access faccessat faccessat2 mmap munmap mprotect brk pread64 lseek
	arch_prctl set_tid_address set_robust_list rseq prlimit64 getrandom getuid geteuid getgid getegid getpid getppid
	getcwd rt_sigaction rt_sigprocmask rt_sigreturn execve exit_group fcntl dup dup2 dup3`)

func filterOf(t *testing.T, p seccomp.Profile) *generation.Seccomp {
	t.Helper()
	filter, err := seccomp.Compile(runtime.GOARCH, p)
	if err != nil {
		t.Fatal(err)
	}
	return filter
}

// TestAFilterThatKillsLetsTheLaunchPass: what sysg-exec's own process does after
// it has installed the filter is none of the service's.
func TestAFilterThatKillsLetsTheLaunchPass(t *testing.T) {
	requireRoot(t)
	c := startHelper(t).dial()
	c.ask(spec.Request{List: &spec.List{}}) // From here on it is told of ends.
	c.list()
	for name, edit := range map[string]func(*generation.LaunchService){
		"plain": func(*generation.LaunchService) {},
		"limits": func(s *generation.LaunchService) {
			s.Rlimits = []generation.Rlimit{{Name: "nofile", Soft: 16, Hard: 16}}
		},
		"root":      func(s *generation.LaunchService) { s.Confinement.Identity = generation.Identity{} },
		"user":      func(s *generation.LaunchService) { s.Confinement.User = true },
		"with init": func(s *generation.LaunchService) { withInit(s.Confinement) },
		"a view":    func(s *generation.LaunchService) { s.Confinement.PrivateTmp, s.Confinement.Network = true, true },
	} {
		s := confined("shell", "echo alive")
		s.Confinement.Seccomp = filterOf(t, seccomp.Profile{Allow: shellCalls, Kill: true})
		edit(&s)
		p := c.launch(c.install(s), "shell")
		out := readAll(t, p.out)
		if status := unix.WaitStatus(c.over(p.id).Status); out != "alive\n" || status != 0 {
			t.Errorf("%s: it said %q and ended with %#x", name, out, int(status))
		}
	}
}

// TestTheFilterIsOnTheServiceAlone: the helper, which has none, goes on.
func TestTheFilterIsOnTheServiceAlone(t *testing.T) {
	requireRoot(t)
	c := startHelper(t).dial()
	c.ask(spec.Request{List: &spec.List{}}) // From here on it is told of ends.
	c.list()
	s := confined("waits", waits)
	s.Dir = fifo(t)
	s.Confinement.Seccomp = filterOf(t, seccomp.Profile{Name: seccomp.Strict})
	p := c.launch(c.install(s), "waits")
	readUntil(t, p.out, "ready")
	if got := status(t, p.pid); got.Seccomp != 2 || !got.NoNewPrivs {
		t.Errorf("it runs as %+v", got)
	}
	c.done(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
	c.over(p.id)
}

func TestACallThatKillsEndsTheService(t *testing.T) {
	requireRoot(t)
	c := startHelper(t).dial()
	c.ask(spec.Request{List: &spec.List{}}) // From here on it is told of ends.
	c.list()
	s := confined("killed", "exec uname")
	s.Confinement.Seccomp = filterOf(t, seccomp.Profile{Deny: []string{"uname"}, Kill: true})
	p := c.launch(c.install(s), "killed")
	if got := unix.WaitStatus(c.over(p.id).Status); !got.Signaled() || got.Signal() != unix.SIGSYS {
		t.Errorf("a call that kills ended it with %#x", int(got))
	}
}

// TestAFilterThatCannotBeInstalledRefuses the launch, and says which key it is of.
func TestAFilterThatCannotBeInstalledRefuses(t *testing.T) {
	requireRoot(t)
	c := startHelper(t).dial()
	c.ask(spec.Request{List: &spec.List{}}) // From here on it is told of ends.
	c.list()
	s := confined("broken", "echo alive")
	// One instruction that loads, and no end.
	s.Confinement.Seccomp = &generation.Seccomp{Name: "custom", Filter: []byte{0x20, 0, 0, 0, 0, 0, 0, 0}}
	failed := c.fails(c.install(s), "broken")
	if failed.Stage != spec.StageSeccomp || failed.Errno != int(unix.EINVAL) || !strings.Contains(failed.Detail, "isolation.seccomp") {
		t.Errorf("got %+v", failed)
	}
}
