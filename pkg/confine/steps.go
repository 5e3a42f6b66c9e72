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
// the process leads no group; what takes privilege (priorities, hard limits,
// mounts) before the ids, which end it; the directory as the user, since that
// is who must be able to enter it, and before the exec, as a relative program is
// meant to be found from there; the namespaces of a service that runs only when no
// more path is used with privilege, since what is mounted there is the service's
// affair; no_new_privs after all that might ask for
// privileges, and before Landlock and seccomp, which ask for it. Where a limit
// lowers something it waits for the exec: a small nofile, as or nproc would hit
// the steps instead of the service.
func Steps(l Launch, begin func() error) []Step {
	steps := []Step{
		{spec.StageFDs, "close all descriptors from 3 on at exec" + passedText(l.Passed), func() error { return closeOthers(l.Passed) }},
	}
	c := l.Confinement
	if c != nil {
		steps = append(steps, Step{spec.StageFDs, "not dumpable: nobody reads its memory, or reaches its executable", notDumpable})
	}
	steps = append(steps, Step{spec.StageSession, "setsid", setsid})
	if c != nil && !l.Joined {
		steps = slices.Concat(steps, mountSteps(c), networkSteps(c))
	}
	steps = append(steps, limitSteps(&l, 0)...)
	if c != nil && l.Joined {
		steps = append(steps, joinStep(&l))
	}
	if c != nil {
		steps = append(steps, identitySteps(c)...)
	}
	steps = append(steps, Step{spec.StageChdir, fmt.Sprintf("chdir %q", l.Dir), func() error { return chdir(l.Dir) }})
	if c != nil && c.Identity.UID == 0 {
		steps = append(steps, Step{spec.StageChdir, "as user 0: only root can change the program and its interpreter", l.asRoot})
	}
	if l.NoNewPrivs {
		steps = append(steps, Step{spec.StageNoNew, "no new privileges", setNoNewPrivs})
	}
	if c != nil {
		steps = slices.Concat(steps, lsmSteps(c), landlockSteps(c), seccompSteps(&l))
	}
	return append(steps,
		Step{spec.StageExec, fmt.Sprintf("exec %q", l.Argv), func() error { return execute(l, begin) }})
}

// notDumpable shields the stage until its execve: once it has no more capabilities
// than another service of its user, that could trace it, and open the file of
// this program through /proc/PID/exe, past all that its own mounts keep from it.
func notDumpable() error {
	return os.NewSyscallError("prctl PR_SET_DUMPABLE", unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0))
}

func setsid() error {
	_, err := unix.Setsid()
	return os.NewSyscallError("setsid", err)
}

func chdir(dir string) error {
	if err := unix.Chdir(dir); err != nil {
		return fmt.Errorf("cannot enter directory %q: %w", dir, err)
	}
	return nil
}

// asRoot finds the program of user 0, and looks whether only root can change it.
// That takes opening a file, which Landlock or a filter may forbid, so it comes
// before them; by its stage it belongs to the exec.
func (l *Launch) asRoot() (err error) {
	if l.program, err = find(l.Argv[0], l.Env, l.Dir); err == nil {
		err = rootsOwn(l.program, l.Dir)
	}
	if err != nil {
		return Fail(spec.StageExec, err)
	}
	return nil
}

func execute(l Launch, begin func() error) error {
	path, err := l.program, error(nil)
	if path == "" {
		path, err = find(l.Argv[0], l.Env, l.Dir)
	}
	if err != nil {
		return err
	}
	argv, env := l.Argv, withPID(l.Env, l.OwnPID, os.Getpid())
	if !l.ownFilter() { // Else that was before the filter.
		reserve(l.Rlimits, argv, env)
	}
	if err := begin(); err != nil {
		return fmt.Errorf("cannot tell of the execve: %w", err)
	}
	// From here on nothing blocks, so that no thread takes our place on the one
	// processor that there is (see Become), and the Go runtime asks for no
	// memory and no thread that a limit forbids.
	if err := setRlimits(l.Rlimits); err != nil {
		return err
	}
	// unix.Exec also puts the nofile limit back that the Go runtime raised.
	err = unix.Exec(path, argv, env)
	if err == unix.EACCES && l.Confinement != nil && l.Confinement.Landlock != nil {
		return fmt.Errorf("cannot execute %q: isolation.landlock must allow it, and what it loads (ro_paths: /usr, /lib …): %w", path, err)
	}
	return fmt.Errorf("cannot execute %q: %s: %w", path, explain(path, err), err)
}
