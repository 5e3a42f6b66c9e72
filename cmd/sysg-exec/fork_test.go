package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// Between its clone and its execve a process is a copy of the helper, with all of its
// memory and descriptors. These tests stop it there.

// looking is held while look is called, and by a test while it uses what look does.
var looking sync.Mutex

// followForks has look called at each stop of what a helper forks, which are those
// before and after each system call until the execve. It ends by the end of the helper.
func followForks(t *testing.T, i *instance, look func(pid int)) (end func()) {
	t.Helper()
	helper := i.command.Process.Pid
	following, over := make(chan error), make(chan struct{})
	go func() {
		defer close(over)
		runtime.LockOSThread() // The tracer is a thread, and ends with this.
		const options = unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_TRACESYSGOOD
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", helper))
		threads := map[int]bool{}
		for _, task := range tasks {
			tid, _ := strconv.Atoi(filepath.Base(task))
			threads[tid] = true
			if _, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(tid), 0, options, 0, 0); errno != 0 {
				err = errno
			}
		}
		following <- err
		for {
			var status unix.WaitStatus
			pid, err := unix.Wait4(-1, &status, unix.WALL|unix.WNOTHREAD, nil)
			if err == unix.EINTR {
				continue
			}
			if err != nil {
				return
			}
			if !status.Stopped() {
				if pid == helper { // Its last thread.
					return
				}
				continue
			}
			if _, err := os.Stat(fmt.Sprintf("/proc/%d/task/%d", helper, pid)); err == nil {
				threads[pid] = true
			}
			signal := status.StopSignal()
			if status>>16 != 0 || signal&0x7f == unix.SIGTRAP {
				signal = 0
			}
			switch {
			case threads[pid]:
				_, _, _ = unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_CONT, uintptr(pid), 0, uintptr(signal), 0, 0)
			case status.TrapCause() == unix.PTRACE_EVENT_EXEC:
				_ = unix.PtraceDetach(pid)
			case status.TrapCause() == unix.PTRACE_EVENT_FORK: // In the midst of a call.
				_ = unix.PtraceSyscall(pid, 0)
			default:
				looking.Lock()
				look(pid)
				looking.Unlock()
				_ = unix.PtraceSyscall(pid, int(signal))
			}
		}
	}()
	if err := <-following; err != nil {
		t.Fatal(err)
	}
	end = func() { _ = i.command.Process.Kill(); <-over }
	t.Cleanup(end)
	return end
}

// reacher is a process that says whether it may reach into others.
type reacher struct {
	t   *testing.T
	ask io.Writer
	say *bufio.Reader
}

// startReacher starts one with argv before it. Inside a user namespace it goes itself:
// an execve there takes the capabilities of who is not yet mapped.
func startReacher(t *testing.T, argv []string, inside ...string) *reacher {
	t.Helper()
	const script = `
		if (@ARGV) {
			my ($file, $uid, $gid) = @ARGV;
			open(my $namespace, "<", $file) or die $!;
			syscall(308, fileno $namespace, 0) == 0 or die "setns: $!";
			syscall(119, ($gid + 0) x 3) == 0 or die "setresgid: $!";
			syscall(117, ($uid + 0) x 3) == 0 or die "setresuid: $!";
		}
		$| = 1;
		while (my $pid = <STDIN>) { chomp $pid; print +(open(my $mem, "+<", "/proc/$pid/mem") ? "reached" : $!), "\n" }`
	argv = append(append(argv, "perl", "-e", script), inside...)
	command := exec.Command(argv[0], argv[1:]...)
	command.Stderr = os.Stderr
	ask, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	say, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ask.Close(); _ = command.Wait() })
	r := &reacher{t, ask, bufio.NewReader(say)}
	if said := r.reaches(os.Getpid()); said != "Permission denied" {
		t.Fatalf("it says of this process: %s", said)
	}
	return r
}

func (r *reacher) reaches(pid int) string {
	_, _ = fmt.Fprintln(r.ask, pid)
	said, err := r.say.ReadString('\n')
	if err != nil {
		r.t.Error(err)
	}
	return strings.TrimSpace(said)
}

func TestNobodyReachesIntoAForkOfTheHelper(t *testing.T) {
	requireRoot(t)
	user := func(c *generation.Confinement) { c.User = true }
	for name, edit := range map[string]func(*generation.Confinement){
		"under init":         withInit,
		"user":               user,
		"user and init":      func(c *generation.Confinement) { withInit(c); user(c) },
		"root under init":    func(c *generation.Confinement) { withInit(c); c.Identity = generation.Identity{} },
		"root in user":       func(c *generation.Confinement) { user(c); c.Identity = generation.Identity{} },
		"root in user, init": func(c *generation.Confinement) { withInit(c); user(c); c.Identity = generation.Identity{} },
	} {
		t.Run(name, func(t *testing.T) {
			i := startHelper(t)
			c := i.dial()
			c.list()
			s := isolated("reached", "sleep 1000", edit)
			s.Roles = append(s.Roles, generation.Command{Role: spec.RoleHealth, Argv: []string{"/bin/sh", "-c", "sleep 1000"}})
			in := c.install(s)
			main := c.launch(in, "reached")
			id := s.Confinement.Identity
			asUser := []string{"setpriv", fmt.Sprint("--reuid=", id.UID), fmt.Sprint("--regid=", id.GID), "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"}
			all := map[string]*reacher{
				"root without capabilities": startReacher(t, []string{"setpriv", "--inh-caps=-all", "--bounding-set=-all"}),
				"the service's user":        startReacher(t, asUser),
			}
			if s.Confinement.User {
				all["inside its user namespace"] = startReacher(t, nil, fmt.Sprintf("/proc/%d/ns/user", main.pid), fmt.Sprint(id.UID), fmt.Sprint(id.GID))
			}
			stops := 0
			reached := map[string]int{}
			end := followForks(t, i, func(pid int) {
				stops++
				for who, r := range all {
					if said := r.reaches(pid); said != "Permission denied" {
						reached[who+": "+said]++
					}
				}
			})
			c.launchBeside(in, "reached", spec.RoleHealth, main.id)
			c.launch(in, "reached")
			end()
			if len(reached) > 0 || stops < 100 {
				t.Errorf("at %d stops it was reached by %v", stops, reached)
			}
		})
	}
}

// What is killed on its way is told as that, and never as a process that runs as
// somebody else, though it may still have been root's.
func TestAForkThatIsKilledIsToldAsThat(t *testing.T) {
	requireRoot(t)
	for name, edit := range map[string]func(*generation.Confinement){
		"under init":    withInit,
		"user":          func(c *generation.Confinement) { c.User = true },
		"user and init": func(c *generation.Confinement) { withInit(c); c.User = true },
	} {
		t.Run(name, func(t *testing.T) {
			i := startHelper(t)
			c := i.dial()
			c.list()
			in := c.install(isolated("killed", "sleep 1000", edit))
			stops, killAt := 0, 0
			var forked []int
			followForks(t, i, func(pid int) {
				if stops++; stops == killAt {
					_ = unix.Kill(pid, unix.SIGKILL)
				}
				if !slices.Contains(forked, pid) {
					forked = append(forked, pid)
				}
			})
			next := 1
			for ; ; next += 41 {
				looking.Lock()
				stops, forked, killAt = 0, nil, next
				looking.Unlock()
				l := request(in, "killed")
				c.ask(spec.Request{Launch: &l})
				p := c.answer()
				looking.Lock()
				stopped, all := stops, slices.Clone(forked)
				looking.Unlock()
				if p.Launched != nil && stopped < next { // It was through before.
					break
				}
				if p.Failed == nil || !strings.HasSuffix(p.Failed.Detail, "before it became the program") {
					t.Errorf("killed at stop %d: answered by %+v %+v", next, p.Launched, p.Failed)
				}
				for _, pid := range all {
					if !gone(pid) {
						t.Errorf("killed at stop %d: process %d of %v is left", next, pid, all)
					}
				}
			}
			if next < 100 {
				t.Errorf("it was through after %d stops", next)
			}
		})
	}
}

// isProgram says whether a process is past its launch.
func isProgram(pid int) bool {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && strings.HasPrefix(exe, "/usr/")
}

// What the helper's death leaves on its way waits for nobody, and becomes nothing.
func TestAForkEndsWithTheHelper(t *testing.T) {
	requireRoot(t)
	for name, edit := range map[string]func(*generation.Confinement){
		"under init":    withInit,
		"user":          func(c *generation.Confinement) { c.User = true },
		"user and init": func(c *generation.Confinement) { withInit(c); c.User = true },
	} {
		t.Run(name, func(t *testing.T) {
			i := startHelper(t)
			through := false
			for killAt := 1; !through; killAt += 47 {
				c := i.dial()
				c.list()
				l := request(c.install(isolated("orphan", "sleep 1000", edit)), "orphan")
				stops, forked := 0, map[int]int{} // Their pidfds.
				end := followForks(t, i, func(pid int) {
					if stops++; stops == killAt {
						_ = i.command.Process.Kill()
					}
					if _, known := forked[pid]; !known {
						forked[pid], _ = sys.PidfdOpen(pid)
					}
				})
				c.ask(spec.Request{Launch: &l})
				p, err := c.receive()
				through = err == nil && p.Launched != nil
				end()
				for pid, pidfd := range forked {
					poll := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
					for tries := 0; !through; tries++ {
						if n, _ := sys.Poll(poll, 100); n > 0 {
							break
						}
						// Its last word may have come before the helper's end.
						through = slices.ContainsFunc(slices.Collect(maps.Keys(forked)), isProgram)
						if tries > 100 {
							t.Fatalf("killed at stop %d: process %d is left", killAt, pid)
						}
					}
					_ = unix.Close(pidfd)
				}
				c.close()
				i.kill9()
				i.start()
			}
		})
	}
}
