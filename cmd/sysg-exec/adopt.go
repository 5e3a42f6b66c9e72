package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/grant"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// adopt takes over what an earlier helper left, before anything is answered.
// The processes live on; their pipes come back from custody; their exits are
// not ours to wait for, but the kernel may tell them (Linux 6.15).
func (h *helper) adopt() error {
	all, err := h.loadRecords()
	if err != nil {
		return err
	}
	leaves := map[string]bool{}
	for i := range all {
		inc, err := h.adoptOne(&all[i])
		if err != nil {
			return err
		}
		if inc.home != nil {
			leaves[inc.home.path()] = true
		}
	}
	h.adoptNotify()
	h.restoreServices()
	if c, cgroups := h.contain.(*cgroups); cgroups {
		return c.sweep(func(path string) bool { return leaves[path] })
	}
	return nil
}

func (h *helper) adoptOne(s *saved) (*incarnation, error) {
	inc := makeIncarnation(s.Record, grant.Granted{})
	inc.state, inc.stranger, inc.adopted = running, true, true
	inc.startTicks, inc.savedBytes = s.StartTicks, s.bytes
	h.incarnations[s.Record.Launch.Incarnation] = inc
	h.restore(inc)
	if inc.record.Emptied {
		return inc, nil
	}
	var err error
	if inc.home, err = h.contain.find(s); err != nil {
		// Its main process can still be watched and killed.
		fmt.Fprintf(os.Stderr, "sysg-exec: cannot find what belongs to incarnation %s: %v\n", s.Record.Launch.Incarnation, err)
	}
	alive := false
	if inc.record.Exited == nil {
		alive = inc.reopen(s.StartTicks)
	}
	if inc.record.Exited == nil && inc.pidfd >= 0 {
		if inc.home != nil && alive {
			inc.home.started(inc.record.PID, inc.pidfd)
		}
		inc.exitKey, err = h.watch(inc.pidfd, sys.Readable, func(uint32) { h.mainEnded(inc) })
		return inc, err
	}
	if inc.record.Exited == nil { // It ended while nobody looked.
		h.exited(inc, spec.Exited{Unknown: true})
		return inc, nil
	}
	h.survivorChanged(inc)
	return inc, nil
}

// reopen makes sure of a pidfd, if there can be one, and says whether the process
// is there, maybe as a zombie, and so has its number still. Of one that has been
// reaped the pidfd from custody may tell how it ended.
func (i *incarnation) reopen(startTicks uint64) (alive bool) {
	pidfd := reopen(i.record.PID, startTicks)
	switch {
	case i.pidfd < 0:
		i.pidfd = pidfd
	case pidfd >= 0:
		sys.CloseAll([]int{pidfd})
	}
	return pidfd >= 0
}

// reopen opens a pidfd of the process that had this number and start time; -1
// if there is none any more.
func reopen(pid int, startTicks uint64) int {
	pidfd, err := sys.PidfdOpen(pid)
	if err != nil {
		return -1
	}
	// Looked at after the opening: if it is the one now, it was the one then.
	stat, err := sys.ReadProcStat(pid)
	if err != nil || stat.Started != startTicks {
		sys.CloseAll([]int{pidfd})
		return -1
	}
	return pidfd
}

// strangerEnded takes the exit of a process that is not our child. The kernel
// tells it while it is a zombie, and once its parent has reaped it, which hangs
// the pidfd up; one that does not tell exits (before Linux 6.15) makes it unknown.
func (h *helper) strangerEnded(inc *incarnation) {
	if status, usage, exited := exitOfChild(inc.pidfd); exited {
		h.exited(inc, exitOf(status, usage, nil))
		return
	}
	// Asked first: once it hangs up, what the kernel says next is its last word.
	poll := []unix.PollFd{{Fd: int32(inc.pidfd)}}
	n, _ := sys.Poll(poll, 0)
	reaped := n > 0 && poll[0].Revents&unix.POLLHUP != 0
	status, known, supported, err := sys.ExitOfStranger(inc.pidfd)
	if err != nil {
		fmt.Fprintf(os.Stderr, "sysg-exec: the exit of incarnation %s is lost: %v\n", inc.record.Launch.Incarnation, err)
	}
	if !known {
		// Whoever has to reap it may be slow, or never do it.
		status, known = sys.ExitOfZombie(inc.record.PID, inc.startTicks)
	}
	if supported && !known && err == nil && !reaped {
		// Not reaped yet: wait for nothing but the hang-up.
		if h.rewatch(inc.exitKey, 0) == nil {
			return
		}
	}
	if inc.home != nil && inc.adopted {
		inc.home.started(0, -1) // Its number means nothing any more.
	}
	h.exited(inc, spec.Exited{Status: status, Unknown: !known})
}
