package cgroup

import (
	"errors"
	"path"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/sys"
)

// Procs lists the processes in the cgroup and below. It is of the past when it
// returns. Like removeBelow, it holds two descriptors however deep the tree is.
func (d *Dir) Procs() ([]int, error) {
	at, err := d.openAt(".", d.path)
	if err != nil {
		return nil, ignoreMissing(err)
	}
	defer func() { at.Close() }()
	pids, names, err := at.look()
	if err != nil {
		return nil, err
	}
	for left := [][]string{names}; ; {
		last := len(left) - 1
		if len(left[last]) > 0 {
			name := left[last][0]
			left[last] = left[last][1:]
			below, err := at.Child(name)
			if err != nil {
				continue // Removed since; then nothing lives there.
			}
			at.Close()
			at = below
			more, names, err := at.look()
			if err != nil {
				return nil, err
			}
			pids = append(pids, more...)
			left = append(left, names)
			continue
		}
		if last == 0 {
			return pids, nil
		}
		above, err := at.openAt("..", path.Dir(at.path))
		if err != nil {
			return nil, err
		}
		at.Close()
		at = above
		left = left[:last]
	}
}

// look lists the processes and the directories of one cgroup.
func (d *Dir) look() (pids []int, names []string, err error) {
	text, err := d.read("cgroup.procs")
	// A threaded cgroup lists its processes only in the one above it.
	if err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		return nil, nil, ignoreMissing(err)
	}
	if pids, err = ParseProcs(text); err != nil {
		return nil, nil, err
	}
	names, err = d.Children()
	return pids, names, err
}

// Kill ends every process in the cgroup and below with SIGKILL. The kernel
// does it in one step (cgroup.kill, Linux 5.14), so that nothing can fork away
// from it; on an older one it is done process by process.
func (d *Dir) Kill() error {
	err := d.Write("cgroup.kill", "1")
	if errors.Is(err, unix.ENOENT) {
		return d.killEach()
	}
	return ignoreMissing(err)
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
		live, err = d.signal(unix.SIGKILL, nil)
		if err != nil || live == 0 {
			break
		}
		// A killed process is listed until it has left; let it.
		_, _ = sys.Poll(nil, 1)
	}
	_ = d.Write("cgroup.freeze", "0")
	return err
}

// Signal sends a signal to every process in the cgroup and below. The first
// refusal (EPERM) is returned after all were tried.
func (d *Dir) Signal(signal syscall.Signal) error { return d.SignalBut(signal, nil) }

// SignalBut leaves out the processes for which spared, if given, is true.
func (d *Dir) SignalBut(signal syscall.Signal, spared func(pid int) bool) error {
	_, err := d.signal(signal, spared)
	return err
}

// signal also counts the processes it found.
//
// A number from cgroup.procs may belong to another process by the time it is
// used. So pidfds are opened first, and only those whose numbers the cgroup
// still lists afterwards are signalled.
func (d *Dir) signal(signal syscall.Signal, spared func(pid int) bool) (found int, err error) {
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
		if !slices.Contains(still, pid) || spared != nil && spared(pid) {
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
