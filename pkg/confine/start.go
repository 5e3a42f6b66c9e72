package confine

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// Place is where a new process is put. Its descriptors stay the caller's.
type Place struct {
	StdinFD, StdoutFD, StderrFD int
	// CgroupFD is the directory of the cgroup that it is born in, -1 for none.
	CgroupFD int
	// Files are the descriptors that Launch.Passed numbers.
	Files []int
}

// Started is a new process.
type Started struct {
	PID   int
	PidFD int
	// StatusFD is the read end of a staged process's status pipe, -1 of a
	// direct one, which is past its execve already.
	StatusFD int
	// Ticks is the start time of a direct one (sys.ProcStat), 0 of a staged.
	Ticks uint64
}

// Start makes the process, directly where that suffices. It waits for the
// execve of a direct launch, which a dead file system can hold up for ever:
// whoever calls it must be able to wait, or to kill the cgroup. It must run on
// a locked thread whose signal mask the process may inherit.
//
// Without a cgroup it never launches directly, since the caller could not find
// the process that it waits for.
func Start(l Launch, place Place) (Started, error) {
	if !l.direct() || place.CgroupFD < 0 {
		return stage(l, place)
	}
	path, err := find(l.Argv[0], l.Env, l.Dir)
	if err != nil {
		return stage(l, place)
	}
	started, err := clone(path, l.Argv, l.Env, l.Dir, place, true, l.extra(place))
	if err != nil {
		return stage(l, place)
	}
	stat, err := sys.ReadProcStat(started.PID)
	switch {
	case err == nil && !stat.Execed():
		// ForkExec sees its pipe close in either case.
		reap(started)
		return Started{}, &Failure{Stage: spec.StageExec, Detail: "the process was killed before it became the program"}
	case err == nil:
		started.Ticks = stat.Started
	}
	return started, nil
}

// stage starts this program as "sysg-exec launch". It has no environment; the
// service's comes with the Launch, in memory that nobody can change. Only where
// there is no cgroup to find it by does it bear the mark of its incarnation.
func stage(l Launch, place Place) (Started, error) {
	text, err := encode(&l)
	if err != nil {
		return Started{}, Fail(spec.StageClone, err)
	}
	launchR, err := sys.SealedMemfd("sysg-launch", text)
	if err != nil {
		return Started{}, Fail(spec.StageClone, err)
	}
	defer unix.Close(launchR)
	statusR, statusW, err := sys.LogPipe()
	if err != nil {
		return Started{}, Fail(spec.StageClone, err)
	}
	defer unix.Close(statusW)
	var env []string
	if place.CgroupFD < 0 {
		env = markOf(l.Env)
	}
	extra := l.extra(place)
	argv := []string{"sysg-exec", "launch", strconv.Itoa(firstFD + len(extra))}
	started, err := clone("/proc/self/exe", argv, env, "/", place, false, append(extra, launchR, statusW))
	if err != nil {
		_ = unix.Close(statusR)
		return Started{}, Fail(spec.StageClone, fmt.Errorf("cannot make the process: %w", err))
	}
	started.StatusFD = statusR
	return started, nil
}

// markOf takes from a service's environment what tells its incarnation.
func markOf(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(assignment string) bool { return !strings.HasPrefix(assignment, invocation) })
}

// extra are the program's descriptors from 3 on, with -1 where there is none.
func (l *Launch) extra(place Place) []int {
	if len(l.Passed) == 0 {
		return nil
	}
	extra := slices.Repeat([]int{-1}, l.Passed[len(l.Passed)-1]-firstFD+1)
	for i, number := range l.Passed {
		extra[number-firstFD] = place.Files[i]
	}
	return extra
}

// clone makes a process with a pidfd, in its cgroup, whose descriptors are the
// standard ones and extra, from 3 on.
func clone(path string, argv, env []string, dir string, place Place, session bool, extra []int) (Started, error) {
	files := []uintptr{uintptr(place.StdinFD), uintptr(place.StdoutFD), uintptr(place.StderrFD)}
	for _, fd := range extra {
		files = append(files, uintptr(fd))
	}
	started := Started{PidFD: -1, StatusFD: -1}
	pid, err := syscall.ForkExec(path, argv, &syscall.ProcAttr{
		Dir: dir, Env: env, Files: files,
		Sys: &syscall.SysProcAttr{
			// A staged process makes its session itself, as a step.
			Setsid: session, PidFD: &started.PidFD,
			UseCgroupFD: place.CgroupFD >= 0, CgroupFD: place.CgroupFD,
		},
	})
	if err != nil {
		return Started{}, err
	}
	started.PID = pid
	if started.PidFD < 0 {
		reap(started)
		return Started{}, errors.New("the kernel gave no pidfd (Linux 5.2)")
	}
	return started, nil
}

// reap ends and waits for a process that must not be.
func reap(started Started) {
	_ = unix.Kill(started.PID, unix.SIGKILL)
	_, _ = unix.Wait4(started.PID, nil, 0, nil)
	if started.PidFD >= 0 {
		_ = unix.Close(started.PidFD)
	}
}

// Where names the stage that a process which has not become its program is
// in, as far as the kernel tells: a staged one bears the stage as its name, a
// direct one hangs in a system call.
func Where(pid int) spec.Stage {
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	for i := range spec.Stages {
		if err == nil && string(comm) == string(spec.Stages[i].Stage)+"\n" {
			return spec.Stages[i].Stage
		}
	}
	var call int
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", pid))
	if err == nil {
		_, err = fmt.Sscan(string(text), &call)
	}
	if err == nil && call == unix.SYS_CHDIR {
		return spec.StageChdir
	}
	return spec.StageExec
}
