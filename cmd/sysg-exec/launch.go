package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/confine"
	"systemg.org/sysg/pkg/grant"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// launch answers a Launch: at once, or when the process is its program.
func (h *helper) launch(c *conn, id uint64, l *spec.Launch) {
	if inc := h.incarnations[l.Incarnation]; inc != nil {
		h.launchAgain(c, id, inc, l)
		return
	}
	granted, err := h.grants.Launch(*l, h.store)
	if err != nil {
		h.refuseGrant(c, id, err)
		return
	}
	if h.besideStranger(l) {
		h.refuse(c, id, spec.ReasonUnknown, "the incarnation beside which it is to run is not the service's")
		return
	}
	if err := h.grants.Crowded(l, h.runsLike(l)); err != nil {
		h.refuseGrant(c, id, err)
		return
	}
	if err := h.roomLeft(); err != nil {
		h.refuse(c, id, spec.ReasonInternal, err.Error())
		return
	}
	inc := makeIncarnation(spec.Record{Launch: *l}, granted)
	inc.waiters = []waiter{{c, id}}
	h.begin(inc)
}

// runsLike counts the runs of the role that a launch is of, but those that are over.
func (h *helper) runsLike(l *spec.Launch) (count int) {
	for _, inc := range h.incarnations {
		if other := &inc.record.Launch; other.Role == l.Role && ownerOf(other) == ownerOf(l) && !inc.record.Emptied {
			count++
		}
	}
	return count
}

// maxWaiters bounds who waits for one launch: as many as can be connected.
const maxWaiters = maxConns

// launchAgain answers a Launch of an incarnation that there is.
func (h *helper) launchAgain(c *conn, id uint64, inc *incarnation, l *spec.Launch) {
	switch {
	case !reflect.DeepEqual(inc.record.Launch, *l):
		h.refuse(c, id, spec.ReasonInvalid, "this incarnation belongs to another launch")
	case inc.state < running && len(inc.waiters) >= maxWaiters:
		h.refuse(c, id, spec.ReasonBusy, fmt.Sprintf("%d wait for this launch already", len(inc.waiters)))
	case inc.state < running:
		inc.waiters = append(inc.waiters, waiter{c, id})
	default:
		h.sendLaunched(waiter{c, id}, inc)
	}
}

// dispatch gives the launcher its next job.
func (h *helper) dispatch() {
	for h.plain.current == nil && len(h.queue) > 0 {
		inc := h.queue[0]
		h.queue = h.queue[1:]
		switch {
		case inc.killed:
			h.fail(inc, &confine.Failure{Stage: spec.StageClone, Detail: "killed before it was launched"})
			continue
		case !inc.wanted(): // Whoever asked is gone, and nothing has happened yet.
			h.fail(inc, &confine.Failure{Stage: spec.StageGrant, Detail: "nobody asks for it any more"})
			continue
		}
		j, err := h.equip(inc)
		if err != nil {
			h.fail(inc, confine.Fail(spec.StageSockets, err))
			continue
		}
		inc.writes = [2]int{-1, -1} // The job's now.
		inc.state, inc.deadline = cloning, time.Now().Add(h.options.launchTimeout)
		h.flying[inc] = true
		h.plain.current = j
		h.plain.jobs <- j
	}
}

// launchersDone takes back finished jobs.
func (h *helper) launchersDone() {
	_ = sys.Drain(h.wakeFD)
	h.tasksOver()
	h.closersDone()
	for {
		select {
		case j := <-h.done:
			h.jobDone(j)
		default:
			return
		}
	}
}

func (h *helper) jobDone(j *job) {
	j.closeFiles()
	if h.plain.current == j {
		h.plain.current = nil
	}
	for l := range h.lost {
		if l.current == j {
			delete(h.lost, l)
		}
	}
	inc := j.incarnation
	switch {
	case inc.state == failing: // Given up; whom it was for has been told.
		j.discard()
		h.fail(inc, inc.failure)
	case j.err != nil && inc.hung != "":
		h.fail(inc, h.hungFailure(inc))
	case j.err != nil:
		h.fail(inc, j.failure())
	default:
		h.cloned(inc, j)
	}
	if h.contain.orphans() {
		h.reapOrphans() // Held back while a launch was in flight.
	}
}

// cloned goes on from a process that there is now.
func (h *helper) cloned(inc *incarnation, j *job) {
	exitKey, err := h.watch(j.started.PidFD, sys.Readable, func(uint32) { h.mainEnded(inc) })
	var statusKey uint64
	if err == nil && j.started.StatusFD >= 0 {
		statusKey, err = h.watch(j.started.StatusFD, sys.Readable, func(uint32) { h.readStatus(inc) })
	}
	if err != nil {
		h.unwatch(exitKey)
		j.discard()
		h.fail(inc, confine.Fail(spec.StageClone, err))
		return
	}
	inc.state, inc.record.PID, inc.record.Started = staged, j.started.PID, time.Now()
	inc.record.Missing = append(inc.record.Missing, j.started.Missing...)
	inc.startTicks = j.started.Ticks
	inc.pidfd, inc.exitKey = j.started.PidFD, exitKey
	inc.statusFD, inc.statusKey = j.started.StatusFD, statusKey
	inc.home.started(inc.record.PID, inc.pidfd)
	switch {
	case inc.killed:
		h.failRunning(inc, &confine.Failure{Stage: spec.StageClone, Detail: "killed while it was launched"})
	case inc.statusFD < 0:
		h.launched(inc)
	}
}

// readStatus reads the status pipe of a staged process until its end of file.
func (h *helper) readStatus(inc *incarnation) {
	var text [1024]byte
	for {
		n, err := sys.Read(inc.statusFD, text[:])
		if errors.Is(err, sys.ErrWouldBlock) {
			return
		}
		inc.status = append(inc.status, text[:max(n, 0)]...)
		if err != nil || n == 0 || len(inc.status) > confine.MaxStatus {
			break
		}
	}
	h.closeStatus(inc)
	if inc.state != staged {
		return
	}
	var failure *confine.Failure
	switch err := confine.ParseStatus(inc.status); {
	case err == nil:
		h.launched(inc)
	case inc.hung != "":
		h.failRunning(inc, h.hungFailure(inc))
	case errors.As(err, &failure):
		h.failRunning(inc, failure)
	}
}

func (h *helper) closeStatus(inc *incarnation) {
	if inc.statusFD >= 0 {
		h.unwatch(inc.statusKey)
		sys.CloseAll([]int{inc.statusFD})
		inc.statusFD, inc.statusKey = -1, 0
	}
}

// launched: the process is its program. It is in custody and the record on disk
// before anybody is told, so that whoever was told finds it again after our death.
func (h *helper) launched(inc *incarnation) {
	delete(h.flying, inc)
	inc.state, inc.granted, inc.asked = running, grant.Granted{}, spec.Spawn{}
	h.park(inc)
	if err := h.save(inc); err != nil {
		fmt.Fprintf(os.Stderr, "sysg-exec: ignoring: a restart of this helper will not find incarnation %s: %v\n", inc.record.Launch.Incarnation, err)
	}
	for _, w := range inc.waiters {
		h.sendLaunched(w, inc)
	}
	inc.waiters = nil
	if inc.record.Child != nil {
		h.spawned(inc)
	}
	h.flush(h.receiver) // A List may wait for this one.
}

// failRunning fails a launch whose process may live: the answer is given when
// it has ended, since Failed says that nothing runs.
func (h *helper) failRunning(inc *incarnation, failure *confine.Failure) {
	inc.failure, inc.state = failure, failing
	_ = sys.PidfdSignal(inc.pidfd, unix.SIGKILL)
	_ = inc.home.kill()
}
