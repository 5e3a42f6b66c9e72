package confine

import (
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/spec"
)

// Step is one thing that a staged process does to itself.
type Step struct {
	Stage spec.Stage
	// Does says what Do does, for people.
	Does string
	Do   func() error
}

// Steps lists what turns a fresh child into l's program, in order. The last
// one does not return unless it fails. begin is called immediately before the
// execve, when nothing of ours is left to do; if it fails, so does the launch.
//
// The order is that of spec.Stages. What it must keep: a session first, while
// the process leads no group; limits late, since a small nofile, as or nproc
// would hit the steps instead of the service; what needs the memory or files
// that limits take away (nice, the out-of-memory score) before them, and what
// is a single system call (CPUs, ionice) after; the directory as the user, since that
// is who must be able to enter it, and before the exec, as a relative program is
// meant to be found from there; no_new_privs after all that might ask for
// privileges, and before Landlock and seccomp, which ask for it.
func Steps(l Launch, begin func() error) []Step {
	steps := []Step{
		{spec.StageFDs, "close all descriptors from 3 on at exec" + passedText(l.Passed), func() error { return closeOthers(l.Passed) }},
		{spec.StageSession, "setsid", setsid},
	}
	if l.Nice != nil {
		steps = append(steps, Step{spec.StageNice, fmt.Sprintf("nice %d", *l.Nice), func() error { return setNice(*l.Nice) }})
	}
	if l.OOMScore != nil {
		steps = append(steps, Step{spec.StageOOMScore, fmt.Sprintf("oom_score_adj %d", *l.OOMScore), func() error { return setOOMScore(*l.OOMScore) }})
	}
	steps = append(steps, Step{spec.StageUmask, fmt.Sprintf("umask %04o", l.Umask), func() error { unix.Umask(int(l.Umask)); return nil }})
	for i, limit := range l.Rlimits {
		steps = append(steps, Step{spec.StageRlimits, fmt.Sprintf("rlimit %s %s", limit.Name, limitText(limit)), func() error {
			if i == 0 {
				reserve(&l)
			}
			return setRlimit(limit)
		}})
	}
	if len(l.Affinity) > 0 {
		steps = append(steps, Step{spec.StageAffinity, "CPUs " + cpuText(l.Affinity), func() error { return setAffinity(l.Affinity) }})
	}
	if l.IOPriority != 0 {
		steps = append(steps, Step{spec.StageIONice, "ionice " + ioText(l.IOPriority), func() error { return setIOPriority(l.IOPriority) }})
	}
	c := l.Confinement
	if c != nil {
		steps = slices.Concat(steps, mountSteps(c), networkSteps(c), identitySteps(c))
	}
	steps = append(steps, Step{spec.StageChdir, fmt.Sprintf("chdir %q", l.Dir), func() error { return chdir(l.Dir) }})
	if l.NoNewPrivs {
		steps = append(steps, Step{spec.StageNoNew, "no new privileges", setNoNewPrivs})
	}
	if c != nil {
		steps = slices.Concat(steps, lsmSteps(c), landlockSteps(c), seccompSteps(c))
	}
	return append(steps,
		Step{spec.StageExec, fmt.Sprintf("exec %q", l.Argv), func() error { return execute(l, begin) }})
}

func setsid() error {
	_, err := unix.Setsid()
	return os.NewSyscallError("setsid", err)
}

func setNice(value int) error {
	// Of this thread, which is the one that survives the execve.
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, value); err != nil {
		return fmt.Errorf("cannot set nice to %d: %w", value, err)
	}
	return nil
}

func setOOMScore(value int) error {
	if err := os.WriteFile("/proc/self/oom_score_adj", fmt.Appendf(nil, "%d", value), 0); err != nil {
		return fmt.Errorf("cannot set oom_score_adj to %d: %w", value, err)
	}
	return nil
}

func chdir(dir string) error {
	if err := unix.Chdir(dir); err != nil {
		return fmt.Errorf("cannot enter directory %q: %w", dir, err)
	}
	return nil
}

func execute(l Launch, begin func() error) error {
	path, err := find(l.Argv[0], l.Env, l.Dir)
	if err != nil {
		return err
	}
	if l.Confinement != nil && l.Confinement.Identity.UID == 0 {
		if err := rootsOwn(path, l.Dir); err != nil {
			return err
		}
	}
	if err := begin(); err != nil {
		return fmt.Errorf("cannot tell of the execve: %w", err)
	}
	// unix.Exec also puts the nofile limit back that the Go runtime raised.
	err = unix.Exec(path, l.Argv, withPID(l.Env, l.OwnPID, os.Getpid()))
	return fmt.Errorf("cannot execute %q: %s: %w", path, explain(path, err), err)
}
