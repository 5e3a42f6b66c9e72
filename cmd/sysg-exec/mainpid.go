package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// former is the first main process of an incarnation whose service has named
// another one (MAINPID=, sd_notify(3)). It is our child, and has to be reaped.
type former struct {
	pid, pidfd int
	key        uint64
}

// nameMain answers a Main: from now on the end of the incarnation's main process
// is that of the one named.
func (h *helper) nameMain(c *conn, id uint64, m *spec.Main) {
	inc := h.incarnations[m.Incarnation]
	switch {
	case inc == nil || inc.state != running || inc.record.Launch.Role != spec.RoleMain:
		h.refuse(c, id, spec.ReasonUnknown, "no such incarnation")
		return
	case inc.record.Exited != nil:
		h.refuse(c, id, spec.ReasonUnknown, "its main process has ended")
		return
	case inc.record.PID == m.PID:
		h.reply(c, spec.Reply{ID: id, Done: &spec.Done{}})
		return
	}
	if err := h.replaceMain(inc, m.PID); err != nil {
		h.refuse(c, id, spec.ReasonUnknown, err.Error())
		return
	}
	h.reply(c, spec.Reply{ID: id, Done: &spec.Done{}})
}

func (h *helper) replaceMain(inc *incarnation, pid int) error {
	pidfd, started, err := h.openMember(inc, pid)
	if err != nil {
		return err
	}
	key, err := h.watch(pidfd, sys.Readable, func(uint32) { h.mainEnded(inc) })
	if err != nil {
		sys.CloseAll([]int{pidfd})
		return err
	}
	h.unwatch(inc.exitKey)
	if inc.stranger {
		sys.CloseAll([]int{inc.pidfd})
	} else {
		h.retire(inc)
	}
	inc.record.PID, inc.pidfd, inc.exitKey, inc.startTicks = pid, pidfd, key, started
	inc.stranger, inc.polite = true, false
	if f := inc.former; f != nil && f.pid == pid { // It is the first one again.
		inc.home.started(pid, pidfd)
		h.closeFormer(inc)
		inc.stranger = false
	}
	h.park(inc)
	if err := h.save(inc); err != nil {
		fmt.Fprintf(os.Stderr, "sysg-exec: ignoring: %v\n", err)
	}
	return nil
}

// retire watches the first main process for its end, which tells nobody anything.
func (h *helper) retire(inc *incarnation) {
	f := &former{pid: inc.record.PID, pidfd: inc.pidfd}
	f.key, _ = h.watch(f.pidfd, sys.Readable, func(uint32) { h.formerEnded(inc, f) })
	inc.former = f
}

// openMember opens a process that must be one of the incarnation, and cannot
// become another between the two looks.
func (h *helper) openMember(inc *incarnation, pid int) (pidfd int, started uint64, err error) {
	pidfd, err = sys.PidfdOpen(pid)
	if err != nil {
		return -1, 0, fmt.Errorf("there is no process %d: %w", pid, err)
	}
	stat, err := sys.ReadProcStat(pid)
	member := false
	if err == nil && inc.home != nil && !stat.Zombie() {
		member, err = inc.home.has(pid)
	}
	if err == nil && sys.PidfdSignal(pidfd, 0) != nil {
		member = false
	}
	if err == nil && !member {
		err = fmt.Errorf("process %d is not one of the service's", pid)
	}
	if err != nil {
		sys.CloseAll([]int{pidfd})
		return -1, 0, err
	}
	return pidfd, stat.Started, nil
}

// formerEnded reaps it. Where incarnations are kept together by their session,
// it stays a zombie until all is over, as its number is the session's.
func (h *helper) formerEnded(inc *incarnation, f *former) {
	var exited bool
	var err error
	if inc.home != nil {
		_, _, exited, err = inc.home.collect(f.pidfd)
	} else {
		_, _, exited, err = sys.WaitPidfd(f.pidfd)
	}
	if err == nil && !exited {
		_ = h.rewatch(f.key, sys.Readable|sys.EdgeTriggered) // A debugger has it.
		return
	}
	h.unwatch(f.key)
	f.key = 0
}

// closeFormer lets go of it.
func (h *helper) closeFormer(inc *incarnation) {
	if f := inc.former; f != nil {
		h.unwatch(f.key)
		sys.CloseAll([]int{f.pidfd})
		inc.former = nil
	}
}

// exitOfChild takes the exit of a process that is a child of ours after all:
// where there are no cgroups, orphans are. exited is false for any other.
func exitOfChild(pidfd int) (status uint32, usage sys.Usage, exited bool) {
	status, usage, exited, err := sys.WaitPidfd(pidfd)
	return status, usage, exited && !errors.Is(err, unix.ECHILD)
}
