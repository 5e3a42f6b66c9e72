package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/confine"
	"systemg.org/sysg/pkg/grant"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

const (
	// maxIncarnations bounds how many there are at a time.
	maxIncarnations = 4096
	// fdsEach is how many descriptors one has at most: the leaf, two pipes, the
	// notify socket, the ready pipe and, of pidfd, status and write ends, or of
	// pidfd and events, two more; and the notify socket of one that is over, which
	// custody has yet to let go.
	fdsEach = 8
	// fdsElse is what must be left for connections and everything else.
	fdsElse = maxConns + 2*maxAskers + 64
)

// room is how many incarnations, and descriptors held for services, the limit
// of descriptors leaves room for. What
// ends needs some, too, so it has to be refused before the last one is gone.
func room() (incarnations, held int, err error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, 0, os.NewSyscallError("getrlimit", err)
	}
	held = int(min(limit.Cur/4, maxHeld))
	left := int(min(limit.Cur, fdsElse+fdsEach*maxIncarnations+maxHeld)) - fdsElse - held
	return max(1, left/fdsEach), held, nil
}

// state is how far an incarnation has come.
type state int

const (
	queued  state = iota // waits for a launcher
	cloning              // a launcher works on it
	staged               // a process is on its way to the program
	failing              // it will not get there; what is left of it is going
	running              // past the execve; it may have ended
)

// incarnation is one run of a command, from its Launch to its Ack.
type incarnation struct {
	record spec.Record
	state  state
	home   home
	// granted is what to launch, and asked what a child was asked for with,
	// until it is launched.
	granted grant.Granted
	asked   spec.Spawn

	// pidfd stays open, reaped or not, until the Ack.
	pidfd int
	// outputs are our copies of the log pipes' read ends: while sysgd is
	// away, what is written stays in the pipes. -1 if they are lost.
	outputs [2]int
	// writes are the write ends, and readyWrite that of the pipe on which it
	// reports readiness, until a launcher has them.
	writes     [2]int
	readyWrite int
	// notifyFD is the receiving end of its notify socket, readyFD the read end
	// of that pipe, -1 if it has none.
	notifyFD, readyFD int

	// statusFD and status belong to a staged launch.
	statusFD int
	status   []byte
	deadline time.Time
	// hung is the stage in which the deadline was missed.
	hung    spec.Stage
	failure *confine.Failure
	waiters []waiter
	// asker is the process that waits for this child.
	asker *asker

	killed bool
	// stranger: its process is not known to be our child. adopted: it was one
	// of an earlier helper's.
	stranger, adopted bool
	// former is its first main process, if it has named another one.
	former *former
	// startTicks tells its process from others with that number.
	startTicks uint64
	// savedBytes is the length of its record's file, as far as we wrote it.
	savedBytes int

	// polite: the exit is awaited edge-triggered; see mainEnded.
	polite bool
	// again is when to ask once more whether anything is left, and pause the
	// time after that.
	again time.Time
	pause time.Duration

	exitKey, statusKey uint64
	emptyKeys          []uint64
	forgotten          bool
}

// waiter is a Launch to be answered.
type waiter struct {
	conn *conn
	id   uint64
}

// wanted says whether anybody still waits for the launch.
func (i *incarnation) wanted() bool {
	for _, w := range i.waiters {
		if !w.conn.closed {
			return true
		}
	}
	return i.asker != nil && !i.asker.closed
}

// mainEnded takes the exit of the main process.
func (h *helper) mainEnded(inc *incarnation) {
	if inc.state == staged {
		// Its last word may have come in the same turn of the loop.
		h.readStatus(inc)
	}
	if inc.stranger {
		h.strangerEnded(inc)
		return
	}
	status, usage, exited, err := inc.home.collect(inc.pidfd)
	if err == nil && !exited {
		// A debugger has it, for as long as it likes. The pidfd stays
		// readable meanwhile, and is signalled once more when we may have it.
		if !inc.polite {
			inc.polite = h.rewatch(inc.exitKey, sys.Readable|sys.EdgeTriggered) == nil
		}
		return
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "sysg-exec: the exit of incarnation %s is lost: %v\n", inc.record.Launch.Incarnation, err)
	}
	h.exited(inc, exitOf(status, usage, err))
}

func exitOf(status uint32, usage sys.Usage, err error) spec.Exited {
	return spec.Exited{Status: status, Unknown: err != nil, Usage: spec.Usage{
		UserMicros: usage.User.Microseconds(), SystemMicros: usage.System.Microseconds(), MaxRSS: usage.MaxRSS,
	}}
}

// exited records the end of the main process and looks whether all is over.
func (h *helper) exited(inc *incarnation, exited spec.Exited) {
	h.unwatch(inc.exitKey)
	inc.exitKey = 0
	h.closeStatus(inc)
	if inc.state == staged { // The end of file of its status did not come.
		inc.state, inc.failure = failing, &confine.Failure{Stage: spec.StageExec, Detail: "the process ended before it became the program"}
	}
	if inc.state == failing {
		inc.failure = blamingMemory(inc, inc.failure)
	}
	exited.Incarnation, exited.At = inc.record.Launch.Incarnation, time.Now()
	if inc.home != nil { // Asked now, since what has emptied is removed.
		if oom := inc.home.oom(); oom != nil && oom.Kills > 0 {
			exited.OOM = oom
		}
	}
	inc.record.Exited = &exited
	empty := h.empty(inc)
	if inc.state != running {
		return
	}
	exited.Emptied = empty
	if err := h.save(inc); err != nil {
		fmt.Fprintf(os.Stderr, "sysg-exec: ignoring: %v\n", err)
	}
	h.event(spec.Reply{Exited: &exited})
}

// empty asks whether nothing is left of an incarnation, and else waits for a
// change. It is asked from the end of the main process on.
func (h *helper) empty(inc *incarnation) bool {
	for _, key := range inc.emptyKeys {
		h.unwatch(key)
	}
	inc.emptyKeys = nil
	delete(h.unsure, inc)
	var survivors []awaited
	var err error
	if inc.home != nil { // An adopted one may be gone already.
		survivors, err = inc.home.survivors()
	}
	if err != nil {
		h.askLater(inc, err)
		return false
	}
	for _, one := range survivors {
		key, err := h.watch(one.fd, one.events, func(uint32) { h.survivorChanged(inc) })
		if err != nil {
			h.askLater(inc, err)
		}
		inc.emptyKeys = append(inc.emptyKeys, key)
	}
	if len(survivors) > 0 {
		return false
	}
	if inc.home != nil {
		inc.home.close()
		inc.home = nil
	}
	h.unlinkNotify(inc)
	inc.record.Emptied = inc.state == running
	if inc.state == failing {
		h.answerFailed(inc, inc.failure)
		h.forget(inc)
	}
	return true
}

// maxPause is the longest time between two questions.
const maxPause = 10 * time.Second

// askLater is for what cannot be told or waited for now: too many processes
// come and go, or the machine has run out of something.
func (h *helper) askLater(inc *incarnation, err error) {
	if inc.pause == 0 {
		inc.pause = 50 * time.Millisecond
		fmt.Fprintf(os.Stderr, "sysg-exec: will look again whether incarnation %s is empty: %v\n", inc.record.Launch.Incarnation, err)
	}
	inc.again = time.Now().Add(inc.pause)
	inc.pause = min(2*inc.pause, maxPause)
	h.unsure[inc] = true
}

// survivorChanged is an event of something that outlived the main process.
func (h *helper) survivorChanged(inc *incarnation) {
	if !h.empty(inc) || inc.state != running {
		return
	}
	if err := h.save(inc); err != nil {
		fmt.Fprintf(os.Stderr, "sysg-exec: ignoring: %v\n", err)
	}
	h.event(spec.Reply{Emptied: &spec.Emptied{Incarnation: inc.record.Launch.Incarnation}})
}

// fail ends a launch that has no process, or none any more.
func (h *helper) fail(inc *incarnation, failure *confine.Failure) {
	delete(h.flying, inc)
	inc.failure, inc.state = blamingMemory(inc, failure), failing
	if inc.home == nil {
		h.answerFailed(inc, inc.failure)
		h.forget(inc)
		return
	}
	h.empty(inc)
}

// answerFailed tells all who wait.
func (h *helper) answerFailed(inc *incarnation, failure *confine.Failure) {
	for _, w := range inc.waiters {
		h.reply(w.conn, spec.Reply{ID: w.id, Failed: &spec.Failed{
			Incarnation: inc.record.Launch.Incarnation,
			Stage:       failure.Stage, Errno: failure.Errno, Detail: failure.Detail,
		}})
	}
	inc.waiters = nil
	inc.asker.refuse(h, "", fmt.Sprintf("cannot start it (%s): %s", failure.Stage, failure.Detail))
}

// forget lets go of all that is kept of an incarnation.
func (h *helper) forget(inc *incarnation) {
	delete(h.flying, inc)
	delete(h.unsure, inc)
	delete(h.incarnations, inc.record.Launch.Incarnation)
	inc.forgotten = true
	h.unwatch(inc.exitKey)
	h.closeStatus(inc)
	h.closeFormer(inc)
	h.unlinkNotify(inc)
	if inc.notifyFD >= 0 && inc.state == running && h.custody != nil {
		// There may be something in its queue, and a copy of it in custody.
		h.custody.closing = append(h.custody.closing, inc.notifyFD)
		inc.notifyFD = -1
	}
	for _, fd := range []int{inc.pidfd, inc.notifyFD, inc.outputs[0], inc.outputs[1], inc.writes[0], inc.writes[1], inc.readyFD, inc.readyWrite} {
		if fd >= 0 {
			sys.CloseAll([]int{fd})
		}
	}
	h.tidyCustody()
	h.unsave(inc)
	h.contain.prune(inc.record.Cgroup)
	h.flush(h.receiver) // A List may wait for this one.
}

// kill ends all of an incarnation, also one that is only being launched.
func (h *helper) kill(inc *incarnation) error {
	inc.killed = true
	if inc.pidfd >= 0 && inc.record.Exited == nil {
		_ = sys.PidfdSignal(inc.pidfd, unix.SIGKILL) // In case it has left its home.
	}
	if inc.home == nil {
		return nil
	}
	return inc.home.kill()
}

// reapOrphans waits for children that we never started: orphans of services
// that became ours. While a launch is in flight an unknown child may be that
// one, whose exit is not ours to take.
func (h *helper) reapOrphans() {
	if h.plain.current != nil || len(h.lost) > 0 {
		return
	}
	ours := map[int]bool{}
	for _, inc := range h.incarnations {
		ours[inc.record.PID] = true
		if inc.former != nil {
			ours[inc.former.pid] = true
		}
	}
	// Asked of every process there is, as that is quicker than to look whose child it
	// is: a service that forks without end must not be ahead of us.
	pids, err := sys.Processes()
	if err != nil {
		fmt.Fprintf(os.Stderr, "sysg-exec: ignoring: cannot list processes: %v\n", err)
		return
	}
	for _, pid := range pids {
		if !ours[pid] {
			_, _, _, _ = sys.Reap(pid)
		}
	}
}
