package confine

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// Process 1 of a pid namespace is one that the kernel shields from every signal
// that it has no handler for, and that inherits all orphans: few programs are
// made for that (pid_namespaces(7)). So "sysg-exec init" is it, with the
// service as its child:
//
//	sysg-exec init    cloned with the namespaces; forks the stage, gives up all
//	│                 privileges and becomes
//	├ sysg-exec reap  which forwards signals, reaps, and ends like its child
//	└ sysg-exec launch → the service
//
// reap is the service's user with no capability at all and no new privileges.
// It is another execve, since no thread of the Go runtime may keep what the
// main one gives up. It has no seccomp filter and no Landlock rules, so the
// service, whose user it is, must not become it: it is not dumpable (prctl(2)),
// which forbids that, and the stage waits with its execve until that is so.

// Init is all that "sysg-exec init" does before it is "sysg-exec reap". It
// returns only when it failed.
func Init() {
	debug.SetGCPercent(-1)
	launchFD, statusFD := launchFDs()
	if err := initialize(launchFD, statusFD); err != nil {
		report(statusFD, err)
	}
}

func initialize(launchFD, statusFD int) error {
	var i initial
	if err := json.Unmarshal([]byte(os.Args[len(os.Args)-1]), &i); err != nil {
		return Fail(spec.StageFDs, fmt.Errorf("cannot read what is for init: %w", err))
	}
	if i.Awaits {
		if err := awaitLimits(statusFD + 1); err != nil {
			return err
		}
	}
	for _, step := range i.steps(launchFD) {
		if err := step.Do(); err != nil {
			return Fail(step.Stage, fmt.Errorf("isolation.pid: init: %w", err))
		}
	}
	return nil
}

// initial is what init has to know of a Launch, as its last argument: to read all
// of that would delay the stage by a tenth. Nothing in it is a secret.
type initial struct {
	Identity generation.Identity
	Cgroup   bool
	Passed   []int
	// Awaits: sysg-exec limits it from outside.
	Awaits bool
}

func (l *Launch) initArgument() string {
	c := l.Confinement
	text, _ := json.Marshal(initial{Identity: c.Identity, Cgroup: c.Cgroup, Passed: l.Passed, Awaits: l.fromOutside()})
	return string(text)
}

// steps are what it does to itself, and the fork in between.
func (i *initial) steps(launchFD int) []Step {
	var readyR, readyW, child int
	var steps []Step
	if i.Cgroup {
		steps = append(steps, Step{spec.StageMounts, "cgroup namespace below its own cgroup", unshareCgroup})
	}
	steps = append(steps,
		Step{spec.StageSession, "setsid", setsid},
		Step{spec.StageClone, "fork the stage", func() (err error) {
			if readyR, readyW, err = sys.LogPipe(); err == nil {
				child, err = forkStage(i.Passed, launchFD, readyR)
			}
			return err
		}},
		Step{spec.StageFDs, "keep no descriptor of the service's", func() error { return keepNothing(readyW) }})
	steps = append(steps, identitySteps(&generation.Confinement{Identity: i.Identity})...)
	return append(steps,
		Step{spec.StageNoNew, "no new privileges", setNoNewPrivs},
		Step{spec.StageExec, "block the signals, until reap catches them", sys.BlockSignals},
		Step{spec.StageExec, "become sysg-exec reap", func() error {
			err := unix.Exec("/proc/self/exe", []string{"sysg-exec", "reap", strconv.Itoa(child), strconv.Itoa(readyW)}, reapEnv)
			return os.NewSyscallError("execve", err)
		}})
}

// reapEnv keeps Go's runtime from holding files of the cgroup open, in which it
// looks how many CPUs there are for it, and from sending itself SIGURG, which
// reap would take for the service's.
var reapEnv = []string{"GODEBUG=containermaxprocs=0,asyncpreemptoff=1"}

// forkStage starts the stage with the descriptors that init got, at the same
// numbers, and readyR behind them.
func forkStage(passed []int, launchFD, readyR int) (int, error) {
	files := []uintptr{0, 1, 2}
	for fd := firstFD; fd < launchFD; fd++ {
		if slices.Contains(passed, fd) {
			files = append(files, uintptr(fd))
		} else {
			files = append(files, ^uintptr(0))
		}
	}
	files = append(files, uintptr(launchFD), uintptr(launchFD+1), uintptr(readyR))
	env := os.Environ() // The mark of its incarnation, or nothing.
	pid, err := syscall.ForkExec("/proc/self/exe", []string{"sysg-exec", "launch", os.Args[2]}, &syscall.ProcAttr{Files: files, Env: env})
	if err != nil {
		return 0, fmt.Errorf("cannot fork: %w", err)
	}
	return pid, nil
}

// keepNothing gives up all descriptors, at the execve at the latest, but
// readyW: an end of file is to mean the service's end.
func keepNothing(readyW int) error {
	nullFD, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot open /dev/null: %w", err)
	}
	for fd := range firstFD {
		if err := unix.Dup3(nullFD, fd, 0); err != nil {
			return os.NewSyscallError("dup3", err)
		}
	}
	if err := closeOthers([]int{readyW}); err != nil {
		return err
	}
	// The pipe was made close-on-exec; this is the one execve it outlives.
	_, err = unix.FcntlInt(uintptr(readyW), unix.F_SETFD, 0)
	return os.NewSyscallError("fcntl F_SETFD", err)
}

// awaitInit waits, in the stage, until init is what it will be.
func awaitInit(readyR int) error {
	if _, err := sys.Poll([]unix.PollFd{{Fd: int32(readyR), Events: unix.POLLIN}}, -1); err != nil {
		return fmt.Errorf("cannot wait for init: %w", err)
	}
	return nil
}

// InitName is the name of "sysg-exec reap" in /proc/PID/comm.
const InitName = "sysg-init"

// IsInit says whether a process calls itself so. One that is none only misses
// the signals of its service's group by it.
func IsInit(pid int) bool {
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return err == nil && string(comm) == InitName+"\n"
}
