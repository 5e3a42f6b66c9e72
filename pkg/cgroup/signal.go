package cgroup

import (
	"errors"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/sys"
)

// Procs lists the processes in the cgroup and below. It is of the past when it
// returns.
func (d *Dir) Procs() ([]int, error) {
	text, err := d.read("cgroup.procs")
	// A threaded cgroup lists its processes only in the one above it.
	if err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		return nil, ignoreMissing(err)
	}
	pids, err := ParseProcs(text)
	if err != nil {
		return nil, err
	}
	names, err := d.Children()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		child, err := d.Child(name)
		if err != nil {
			continue // Removed since; then nothing lives there.
		}
		below, err := child.Procs()
		child.Close()
		if err != nil {
			return nil, err
		}
		pids = append(pids, below...)
	}
	return pids, nil
}

// Kill ends every process in the cgroup and below with SIGKILL. The kernel
// does it in one step (cgroup.kill, Linux 5.14), so that nothing can fork away
// from it; on an older one it is done process by process.
func (d *Dir) Kill() error {
	err := d.Write("cgroup.kill", "1")
	if errors.Is(err, unix.ENOENT) {
		return d.killEach()
	}
	return err
}

// killRounds bounds killEach against a cgroup that forks faster than we kill.
const killRounds = 1000

// killEach freezes the cgroup (Linux 5.2), so that it forks no more, and kills
// until no process is found. A frozen process dies of SIGKILL all the same.
// Where freezing fails, repetition has to do.
func (d *Dir) killEach() error {
	_ = d.Write("cgroup.freeze", "1")
	var err error
	for range killRounds {
		var live int
		live, err = d.signal(unix.SIGKILL)
		if err != nil || live == 0 {
			break
		}
		// A killed process is listed until it has left; let it.
		_, _ = unix.Poll(nil, 1)
	}
	_ = d.Write("cgroup.freeze", "0")
	return err
}

// Signal sends a signal to every process in the cgroup and below. The first
// refusal (EPERM) is returned after all were tried.
func (d *Dir) Signal(signal syscall.Signal) error {
	_, err := d.signal(signal)
	return err
}

// signal also counts the processes it found.
//
// A number from cgroup.procs may belong to another process by the time it is
// used. So pidfds are opened first, and only those whose numbers the cgroup
// still lists afterwards are signalled.
func (d *Dir) signal(signal syscall.Signal) (found int, err error) {
	pids, err := d.Procs()
	if err != nil {
		return 0, err
	}
	pidfds := make(map[int]int, len(pids))
	defer func() {
		for _, pidfd := range pidfds {
			_ = unix.Close(pidfd)
		}
	}()
	for _, pid := range pids {
		if pidfd, err := sys.PidfdOpen(pid); err == nil {
			pidfds[pid] = pidfd
		}
	}
	still, err := d.Procs()
	if err != nil {
		return 0, err
	}
	for pid, pidfd := range pidfds {
		if !slices.Contains(still, pid) {
			continue
		}
		found++
		sendErr := sys.PidfdSignal(pidfd, signal)
		if sendErr != nil && !errors.Is(sendErr, unix.ESRCH) && err == nil {
			err = sendErr
		}
	}
	return found, err
}
