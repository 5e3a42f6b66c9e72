package confine

import (
	"cmp"
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
	// JoinFD is the pidfd of the process whose namespaces it joins, 0 for none.
	JoinFD int
	// Bare calls do on a thread that is Bare, and waits for it. It is nil where
	// there is none; a service with a Confinement is staged then.
	Bare func(do func()) error
}

// Started is a new process.
type Started struct {
	PID   int
	PidFD int
	// StatusFD is the read end of a staged process's status pipe, -1 of a
	// direct one, which is past its execve already.
	StatusFD int
	// Missing are the keys of best_effort that it runs without.
	Missing []string
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
	missing, err := settle(&l)
	if err != nil {
		return Started{}, err
	}
	l.Joined = place.JoinFD > 0 && l.Confinement != nil && namespaceFlags(l.Confinement) != 0
	started, err := start(l, place)
	started.Missing = missing
	return started, err
}

func start(l Launch, place Place) (Started, error) {
	if !l.direct() || place.CgroupFD < 0 || l.Confinement != nil && place.Bare == nil {
		return stage(l, place)
	}
	path, err := l.lookUp()
	if err != nil {
		return stage(l, place)
	}
	started, err := l.cloneDirectly(path, place)
	if err != nil {
		return stage(l, place)
	}
	stat, err := execed(started, l.Confinement != nil)
	switch {
	case err == nil && !stat.Execed():
		// ForkExec sees its pipe close in either case.
		reap(started)
		return Started{}, killedBefore()
	case err == nil:
		started.Ticks = stat.Started
	}
	if l.Confinement != nil {
		if err := verify(started.PID, &l.Confinement.Identity); err != nil {
			endAll(place.CgroupFD) // It may have had children.
			reap(started)
			return Started{}, err
		}
	}
	return started, nil
}

// execed waits until the execve of a process is over, or the process is. ForkExec
// returns once their pipe is closed, and the kernel closes it in the midst of an
// execve: before it takes over the new credentials (begin_new_exec in fs/exec.c)
// and, as was seen with Debian's Linux 6.12.117, before it takes PF_FORKNOEXEC back.
// Nothing tells when it is through, so this looks again until it is.
//
// With identity it waits for the credentials too, which are in force when there is
// an environment. A security module may hide that from us: it then has a tenth of a
// second, and what is read back afterwards decides.
func execed(started Started, identity bool) (stat sys.ProcStat, err error) {
	ended := []unix.PollFd{{Fd: int32(started.PidFD), Events: unix.POLLIN}}
	for looks := 1; ; looks++ {
		stat, err = sys.ReadProcStat(started.PID)
		if err != nil || stat.Zombie() || stat.Execed() && (!identity || !stat.Execing() || looks > 100) {
			return stat, err
		}
		if n, err := sys.Poll(ended, 1); n > 0 || err != nil {
			return sys.ReadProcStat(started.PID)
		}
	}
}

// lookUp finds the program with the access of whom it is for. An error means
// that a stage has to look, and to say what is wrong.
func (l *Launch) lookUp() (path string, err error) {
	if l.Confinement == nil {
		return find(l.Argv[0], l.Env, l.Dir)
	}
	id := &l.Confinement.Identity
	err = AsUser(id, func() (err error) { path, err = find(l.Argv[0], l.Env, l.Dir); return err })
	if err == nil && id.UID == 0 {
		// Until its execve the child is as mighty as we are, so the directory
		// must be one that user 0 may enter without that.
		if err = rootsOwn(path, l.Dir); err == nil {
			err = trusted(l.Dir)
		}
	}
	return path, err
}

func (l *Launch) cloneDirectly(path string, place Place) (started Started, err error) {
	extra := l.extra(place)
	if l.Confinement == nil {
		return clone(path, l.Argv, l.Env, l.Dir, place, &syscall.SysProcAttr{Setsid: true}, extra)
	}
	id := &l.Confinement.Identity
	attributes := &syscall.SysProcAttr{Setsid: true, Credential: &syscall.Credential{Uid: id.UID, Gid: id.GID, Groups: id.Groups}}
	refused := place.Bare(func() { started, err = clone(path, l.Argv, l.Env, l.Dir, place, attributes, extra) })
	return started, cmp.Or(refused, err)
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
// standard ones and extra, from 3 on. attributes has what else it is to have.
func clone(path string, argv, env []string, dir string, place Place, attributes *syscall.SysProcAttr, extra []int) (Started, error) {
	files := []uintptr{uintptr(place.StdinFD), uintptr(place.StdoutFD), uintptr(place.StderrFD)}
	for _, fd := range extra {
		files = append(files, uintptr(fd))
	}
	started := Started{PidFD: -1, StatusFD: -1}
	attributes.PidFD = &started.PidFD
	attributes.UseCgroupFD, attributes.CgroupFD = place.CgroupFD >= 0, place.CgroupFD
	pid, err := syscall.ForkExec(path, argv, &syscall.ProcAttr{Dir: dir, Env: env, Files: files, Sys: attributes})
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

// endAll kills all in a cgroup (cgroup.kill, Linux 5.14).
func endAll(cgroupFD int) {
	fd, err := unix.Openat(cgroupFD, "cgroup.kill", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		_, _ = unix.Write(fd, []byte("1"))
		_ = unix.Close(fd)
	}
}

func killedBefore() *Failure {
	return &Failure{Stage: spec.StageExec, Detail: "the process was killed before it became the program"}
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
	if IsInit(pid) { // It is its child that is on its way.
		if child, err := firstNumber(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", pid)); err == nil {
			return Where(child)
		}
	}
	for i := range spec.Stages {
		if err == nil && string(comm) == string(spec.Stages[i].Stage)+"\n" {
			return spec.Stages[i].Stage
		}
	}
	if call, err := firstNumber(fmt.Sprintf("/proc/%d/syscall", pid)); err == nil && call == unix.SYS_CHDIR {
		return spec.StageChdir
	}
	return spec.StageExec
}

// firstNumber is what a file of /proc begins with.
func firstNumber(path string) (int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	return strconv.Atoi(first)
}
