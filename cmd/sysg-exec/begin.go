package main

import (
	"errors"
	"fmt"
	"strings"

	"systemg.org/sysg/pkg/confine"
	"systemg.org/sysg/pkg/grant"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// roomLeft says whether one more incarnation can be.
func (h *helper) roomLeft() error {
	if len(h.incarnations) >= h.room {
		return fmt.Errorf("there are %d incarnations already, the most for its limit of descriptors", len(h.incarnations))
	}
	if len(h.lost) == maxLost && h.plain.current != nil {
		return errors.New("too many launches hang in a file system that does not answer")
	}
	return nil
}

// makeIncarnation is one of which nothing has happened yet.
func makeIncarnation(record spec.Record, granted grant.Granted) *incarnation {
	return &incarnation{
		record: record, granted: granted, pidfd: -1, statusFD: -1, outputs: [2]int{-1, -1}, writes: [2]int{-1, -1},
		notifyFD: -1, readyFD: -1, readyWrite: -1,
	}
}

// begin makes what a new incarnation needs, and queues it for a launcher.
func (h *helper) begin(inc *incarnation) {
	l := &inc.record.Launch
	h.incarnations[l.Incarnation] = inc
	if err := h.makeHome(inc); err != nil {
		h.fail(inc, confine.Fail(spec.StageCgroup, err))
		return
	}
	if err := h.makePipes(inc); err != nil {
		h.fail(inc, confine.Fail(spec.StagePipes, err))
		return
	}
	if l.Role != spec.RoleMain {
		h.queue = append(h.queue, inc)
		return
	}
	h.beginMain(inc)
}

// makeHome makes its home with its limits, before anything can join it.
func (h *helper) makeHome(inc *incarnation) error {
	limits, err := limitsOf(inc.granted.Service.Cgroup, inc.record.Launch)
	if err != nil {
		return err
	}
	if limits.rehearsed {
		inc.record.Missing = append(inc.record.Missing, rootKey)
	}
	if inc.home, err = h.contain.make(inc.record.Launch, limits); err != nil {
		return err
	}
	inc.record.Cgroup = inc.home.path()
	if h.contain.orphans() {
		return h.intend(inc)
	}
	return nil
}

// beginMain also makes what only the service itself has.
func (h *helper) beginMain(inc *incarnation) {
	if inc.granted.Service.Notify {
		if err := h.makeNotify(inc); err != nil {
			h.fail(inc, confine.Fail(spec.StageSockets, err))
			return
		}
	}
	l := h.holdings[ownerOf(&inc.record.Launch)]
	if l == nil && len(inc.granted.Service.Sockets) == 0 {
		h.queue = append(h.queue, inc)
		return
	}
	h.provide(ownerOf(&inc.record.Launch), socketsOf(&inc.granted.Service), func(failure *confine.Failure) {
		if failure != nil {
			h.fail(inc, failure)
			return
		}
		if l := h.holdings[ownerOf(&inc.record.Launch)]; l != nil {
			h.endWatch(l)
		}
		h.queue = append(h.queue, inc)
	})
}

func (h *helper) makePipes(inc *incarnation) (err error) {
	for i := range inc.outputs {
		if inc.outputs[i], inc.writes[i], err = sys.LogPipe(); err != nil {
			inc.outputs[i], inc.writes[i] = -1, -1
			return err
		}
	}
	if inc.record.Launch.Role == spec.RoleMain && inc.granted.Service.ReadyFD != 0 {
		if inc.readyFD, inc.readyWrite, err = sys.LogPipe(); err != nil {
			inc.readyFD, inc.readyWrite = -1, -1
		}
	}
	return err
}

// equip says what the launcher has to know of an incarnation, and gives it
// copies of the descriptors.
func (h *helper) equip(inc *incarnation) (*job, error) {
	granted := &inc.granted
	j := &job{incarnation: inc, place: confine.Place{
		StdinFD: h.nullFD, StdoutFD: inc.writes[0], StderrFD: inc.writes[1], CgroupFD: inc.home.cgroupFD(),
	}, request: confine.Request{
		Service: granted.Service, Launch: inc.record.Launch, Argv: granted.Argv, Inherited: granted.Inherited, Vars: granted.Vars,
		Asked: inc.asked.Env, Dir: inc.asked.Dir,
	}}
	role := inc.record.Launch.Role
	if err := h.equipJoin(inc, j); err != nil {
		return j, err
	}
	if granted.Service.Spawn != nil && h.spawnPath != "" && (role == spec.RoleMain || role == spec.RoleChild) {
		j.request.Vars = append(j.request.Vars, "SYSG_SPAWN_SOCKET="+h.spawnPath)
	}
	if role != spec.RoleMain {
		return j, nil
	}
	if inc.notifyFD >= 0 {
		j.request.Vars = append(j.request.Vars, "NOTIFY_SOCKET="+h.notifyPath(inc.record.Launch.Incarnation))
	}
	if watchdog := granted.Service.Watchdog; watchdog > 0 {
		j.request.Vars = append(j.request.Vars, fmt.Sprintf("WATCHDOG_USEC=%d", watchdog.Microseconds()))
		j.request.OwnPID = append(j.request.OwnPID, "WATCHDOG_PID")
	}
	return j, h.equipSockets(inc, j)
}

// equipSockets passes what is held for the service, and the pipe by which it
// says that it is ready.
func (h *helper) equipSockets(inc *incarnation, j *job) error {
	l := h.holdings[ownerOf(&inc.record.Launch)]
	if l == nil {
		l = &holding{}
	}
	if len(l.sockets) != len(inc.granted.Service.Sockets) {
		return errors.New("its sockets were closed while it was being launched")
	}
	kept, ready := l.kept, inc.granted.Service.ReadyFD
	if room := ready - firstPassed - len(l.sockets); ready != 0 && len(kept) > room {
		// The descriptors must follow one another, and this number is taken.
		kept = kept[:max(room, 0)]
	}
	fds, names, err := copied(l.sockets, kept)
	if err != nil {
		return err
	}
	j.place.Files = fds
	for i := range fds {
		j.request.Passed = append(j.request.Passed, firstPassed+i)
	}
	if len(fds) > 0 {
		j.request.Vars = append(j.request.Vars, fmt.Sprintf("LISTEN_FDS=%d", len(fds)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
		j.request.OwnPID = append(j.request.OwnPID, "LISTEN_PID")
	}
	if inc.readyWrite >= 0 {
		j.place.Files = append(j.place.Files, inc.readyWrite)
		j.request.Passed = append(j.request.Passed, ready)
		inc.readyWrite = -1 // The job's now.
	}
	return nil
}

// firstPassed is the number of the first descriptor of sd_listen_fds(3).
const firstPassed = 3
