package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// sessions contains incarnations where there is no cgroup. A process belongs
// to one if it is in the session of its main process, has
// SYSG_INVOCATION_ID=<incarnation> in its environment, or descends from a
// process that belongs. Orphans become children of ours (subreaper).
//
// What escapes: a process that starts a session, clears its environment and
// then loses its parent, all three before anybody looks. It takes a cgroup to
// hold that.
type sessions struct{}

func newSessions() (*sessions, error) {
	if err := sys.SetSubreaper(); err != nil {
		return nil, err
	}
	return &sessions{}, nil
}

func (*sessions) orphans() bool { return true }
func (*sessions) prune(string)  {}
func (*sessions) leave()        {}

// make has no directory to write limits to.
func (*sessions) make(l spec.Launch, limits limits) (home, error) {
	if len(limits.writes) > 0 {
		return nil, fmt.Errorf("%s: there is no cgroup version 2 here to hold it", limits.writes[0].Key())
	}
	return &sessionHome{mark: invocationMark(l)}, nil
}

func (*sessions) find(s *saved) (home, error) {
	return &sessionHome{mark: invocationMark(s.Record.Launch), adopted: true}, nil
}

const markName = "SYSG_INVOCATION_ID="

func invocationMark(l spec.Launch) []byte {
	return []byte(markName + l.Incarnation)
}

// abandon ends whatever bears the mark of an incarnation.
func (*sessions) abandon(incarnation string) error {
	h := &sessionHome{mark: []byte(markName + incarnation)}
	for deadline := time.Now().Add(endPatience); time.Now().Before(deadline); {
		if err := h.kill(); err != nil {
			return err
		}
		survivors, err := h.survivors()
		if err != nil && !errors.Is(err, errUnsure) || err == nil && len(survivors) == 0 {
			return err
		}
		if len(survivors) > 0 {
			_, _ = sys.Poll([]unix.PollFd{{Fd: int32(survivors[0].fd), Events: unix.POLLIN}}, 1000)
		}
		h.close()
	}
	return errors.New("it does not die")
}

// sessionHome is the processes of one incarnation.
//
// Its main process stays a zombie until the home is empty: while it is one, no
// other process can get its number, which is the session's, too. That of an
// adopted home belongs to another parent; once it has ended its number means
// nothing any more, and pid is 0.
type sessionHome struct {
	mark  []byte
	pid   int
	pidfd int
	// adopted: the main process is not our child.
	adopted bool
	killed  bool
	// watchedFD is the pidfd of a survivor, if watching.
	watchedFD int
	watching  bool
	// living and dead are the start times of the members that the last look has seen so.
	// Who was one stays one: a process that ends has no environment any more for the
	// last bit of its life, and so bears no mark.
	living, dead map[int]uint64
}

func (h *sessionHome) oom() *spec.OOM { return nil }
func (h *sessionHome) cgroupFD() int  { return -1 }
func (h *sessionHome) path() string   { return "" }
func (h *sessionHome) id() uint64     { return 0 }

func (h *sessionHome) started(pid, pidfd int) { h.pid, h.pidfd = pid, pidfd }

func (h *sessionHome) collect(pidfd int) (uint32, sys.Usage, bool, error) {
	return sys.PeekPidfd(pidfd)
}

func (h *sessionHome) first() int { return h.pid }

func (h *sessionHome) has(pid int) (bool, error) {
	all, _, err := processTable()
	if err != nil {
		return false, err
	}
	f := family{home: h, all: all, known: map[int]bool{0: false, 1: false, os.Getpid(): false}}
	return f.has(pid), f.err
}

// owner asks of the process, then of its parent, and so on.
func (*sessions) owner(pid int, incarnations map[string]*incarnation) (*incarnation, error) {
	all, _, err := processTable()
	if err != nil {
		return nil, err
	}
	for range len(all) {
		stat, found := all[pid]
		if !found || pid == os.Getpid() {
			return nil, nil
		}
		if inc := incarnations[markOn(pid)]; inc != nil && inc.home != nil {
			return inc, nil
		}
		for _, inc := range incarnations {
			home, _ := inc.home.(*sessionHome)
			if home != nil && home.pid != 0 && (home.pid == pid || home.pid == stat.Session) {
				return inc, nil
			}
		}
		pid = stat.Parent
	}
	return nil, nil
}

// markOn is the incarnation in the environment of a process, "" for none.
func markOn(pid int) string {
	environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	for variable := range bytes.SplitSeq(environ, []byte{0}) {
		if incarnation, found := bytes.CutPrefix(variable, []byte(markName)); found {
			return string(incarnation)
		}
	}
	return ""
}

// maxLooks bounds the looks at the process table for one question.
const maxLooks = 8

// errUnsure is the answer if each of them was inconclusive.
var errUnsure = errors.New("processes come and go faster than they can be listed")

// kill looks until it finds nobody new: what is born behind its back, of a
// parent that it has not reached yet, is found by the next look.
func (h *sessionHome) kill() error {
	h.killed = true
	hit := map[int]uint64{}
	for range maxLooks {
		again := false
		missed, err := h.eachMember(func(stat sys.ProcStat, pidfd int) (bool, error) {
			if hit[stat.PID] == stat.Started {
				return false, nil
			}
			hit[stat.PID], again = stat.Started, true
			return false, sys.PidfdSignal(pidfd, unix.SIGKILL)
		})
		if err != nil || !again && !missed {
			return err
		}
	}
	return nil // What is left is hit by survivors.
}

// signal tries all, whatever one of them says.
func (h *sessionHome) signal(signal syscall.Signal) error {
	_, err := h.eachMember(func(_ sys.ProcStat, pidfd int) (bool, error) {
		return false, sys.PidfdSignal(pidfd, signal)
	})
	return err
}

// survivors looks again and again until a look finds nobody, and cannot have
// missed anybody: between two looks it waits for one whom the last one found.
func (h *sessionHome) survivors() ([]awaited, error) {
	h.close()
	for range maxLooks {
		missed, err := h.eachMember(func(_ sys.ProcStat, pidfd int) (keep bool, err error) {
			if h.killed { // Born since the last look.
				_ = sys.PidfdSignal(pidfd, unix.SIGKILL)
			}
			if h.watching {
				return false, nil
			}
			h.watchedFD, h.watching = pidfd, true
			return true, nil
		})
		switch {
		case h.watching:
			return []awaited{{h.watchedFD, sys.Readable}}, nil
		case err != nil:
			return nil, err
		case !missed:
			if h.pid != 0 && !h.adopted {
				_, _, _, _ = sys.WaitPidfd(h.pidfd)
			}
			return nil, nil
		}
	}
	return nil, errUnsure
}

func (h *sessionHome) close() {
	if h.watching {
		_ = unix.Close(h.watchedFD)
		h.watching = false
	}
}

// eachMember calls do with a pidfd of each live process that belongs, and closes
// it unless do keeps it. The first error is returned after all were tried; a
// process that is gone is none.
//
// missed says that the look proves nothing: a process that was listed ended
// before it was looked at, and may have had a child that was not listed yet.
func (h *sessionHome) eachMember(do func(stat sys.ProcStat, pidfd int) (keep bool, err error)) (missed bool, first error) {
	all, missed, err := processTable()
	if err != nil {
		return false, err
	}
	family := family{home: h, all: all, known: map[int]bool{0: false, 1: false, os.Getpid(): false}}
	living, dead := map[int]uint64{}, map[int]uint64{}
	for pid, stat := range all {
		if !family.has(pid) {
			continue
		}
		pidfd, alive, err := openMember(stat)
		if !alive {
			if dead[pid] = stat.Started; pid != h.pid && h.dead[pid] != stat.Started {
				missed = true // Its last child may be younger than the list.
			}
			continue
		}
		living[pid] = stat.Started
		keep := false
		if err == nil {
			keep, err = do(stat, pidfd)
			if !keep {
				_ = unix.Close(pidfd)
			}
		}
		if err != nil && !errors.Is(err, unix.ESRCH) && first == nil {
			first = err
		}
	}
	h.living, h.dead = living, dead
	return missed || family.changing, cmp.Or(first, family.err)
}

// openMember opens a pidfd of a process that a look has found. One that cannot
// be opened for want of something is alive all the same.
func openMember(stat sys.ProcStat) (pidfd int, alive bool, err error) {
	pidfd, err = sys.PidfdOpen(stat.PID)
	if err != nil {
		return -1, !errors.Is(err, unix.ESRCH), err
	}
	// The same process still, not another with its number.
	again, err := sys.ReadProcStat(stat.PID)
	alive = err == nil && again.Started == stat.Started
	if alive && again.Zombie() {
		// Its first thread is dead; others may live, and then this says so.
		n, _ := sys.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 0)
		alive = n == 0
	}
	if !alive {
		_ = unix.Close(pidfd)
		return -1, false, nil
	}
	return pidfd, true, nil
}

// family answers who belongs, from one look at the process table.
type family struct {
	home  *sessionHome
	all   map[int]sys.ProcStat
	known map[int]bool
	// err is why an answer may be wrong.
	err error
	// changing: a process was in the middle of an execve, between two
	// environments, so that it could not be told whose it is.
	changing bool
}

// has asks it of a process, then of its parent, and remembers the answer.
func (f *family) has(pid int) bool {
	if belongs, known := f.known[pid]; known {
		return belongs
	}
	f.known[pid] = false // However the table was torn, this ends.
	stat, found := f.all[pid]
	if !found {
		return false
	}
	main := f.home.pid
	was, known := f.home.living[pid]
	belongs := known && was == stat.Started || main != 0 && (pid == main || stat.Session == main) || f.marked(pid) || f.has(stat.Parent)
	f.known[pid] = belongs
	return belongs
}

// marked looks into the environment that the process was started with.
func (f *family) marked(pid int) bool {
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM) {
			f.err = err
		}
		return false // Of another user, or gone.
	}
	if stat := f.all[pid]; len(environ) == 0 {
		again, err := sys.ReadProcStat(pid)
		if err == nil && again.Started == stat.Started && again.Execing() {
			f.changing = true
		}
	}
	for variable := range bytes.SplitSeq(environ, []byte{0}) {
		if bytes.Equal(variable, f.home.mark) {
			return true
		}
	}
	return false
}

// processTable reads the status of every process. torn: some were listed and
// have ended since.
func processTable() (table map[int]sys.ProcStat, torn bool, err error) {
	pids, err := sys.Processes()
	if err != nil {
		return nil, false, fmt.Errorf("cannot list processes: %w", err)
	}
	table = make(map[int]sys.ProcStat, len(pids))
	for _, pid := range pids {
		stat, err := sys.ReadProcStat(pid)
		switch {
		case err == nil:
			table[pid] = stat
		case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ESRCH):
			torn = true
		default:
			return nil, false, fmt.Errorf("cannot look at process %d: %w", pid, err)
		}
	}
	return table, torn, nil
}
