package main

import (
	"bytes"
	"fmt"
	"os"
	"syscall"

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

func (*sessions) orphans() bool     { return true }
func (*sessions) prune(spec.Launch) {}
func (*sessions) leave()            {}

func (*sessions) make(l spec.Launch) (home, error) {
	return &sessionHome{mark: invocationMark(l)}, nil
}

func (*sessions) find(s *saved) (home, error) {
	return &sessionHome{mark: invocationMark(s.Record.Launch), adopted: true}, nil
}

func invocationMark(l spec.Launch) []byte {
	return []byte("SYSG_INVOCATION_ID=" + l.Incarnation)
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
	// watched are pidfds of survivors.
	watched []awaited
}

func (h *sessionHome) cgroupFD() int { return -1 }
func (h *sessionHome) path() string  { return "" }
func (h *sessionHome) id() uint64    { return 0 }

func (h *sessionHome) started(pid, pidfd int) { h.pid, h.pidfd = pid, pidfd }

func (h *sessionHome) collect(pidfd int) (uint32, sys.Usage, bool, error) {
	return sys.PeekPidfd(pidfd)
}

func (h *sessionHome) first() int { return h.pid }

func (h *sessionHome) kill() error {
	h.killed = true
	return h.signal(unix.SIGKILL)
}

func (h *sessionHome) signal(signal syscall.Signal) error {
	members, err := h.members()
	if err != nil {
		return err
	}
	defer closeAwaited(members)
	for _, member := range members {
		if err := sys.PidfdSignal(member.fd, signal); err != nil && err != unix.ESRCH {
			return err
		}
	}
	return nil
}

// survivors looks again and again until a look finds nobody: between two looks
// it waits for all whom the last one found.
func (h *sessionHome) survivors() ([]awaited, error) {
	closeAwaited(h.watched)
	h.watched = nil
	members, err := h.members()
	if err != nil {
		return nil, err
	}
	if len(members) == 0 {
		if h.pid != 0 && !h.adopted {
			_, _, _, _ = sys.WaitPidfd(h.pidfd)
		}
		return nil, nil
	}
	h.watched = members
	if h.killed { // Born since the last look.
		for _, member := range members {
			_ = sys.PidfdSignal(member.fd, unix.SIGKILL)
		}
	}
	return members[:1:1], nil
}

func (h *sessionHome) close() {
	closeAwaited(h.watched)
	h.watched = nil
}

func closeAwaited(all []awaited) {
	for _, one := range all {
		_ = unix.Close(one.fd)
	}
}

// members opens a pidfd of each live process that belongs.
func (h *sessionHome) members() ([]awaited, error) {
	all, err := processTable()
	if err != nil {
		return nil, err
	}
	family := family{home: h, all: all, known: map[int]bool{0: false, 1: false, os.Getpid(): false}}
	var members []awaited
	for pid, stat := range all {
		if stat.Zombie() || !family.has(pid) {
			continue
		}
		pidfd, err := sys.PidfdOpen(pid)
		if err != nil {
			continue // It ended since.
		}
		// The same process still, not another with its number.
		if again, err := sys.ReadProcStat(pid); err != nil || again.Started != stat.Started {
			_ = unix.Close(pidfd)
			continue
		}
		members = append(members, awaited{pidfd, sys.Readable})
	}
	return members, nil
}

// family answers who belongs, from one look at the process table.
type family struct {
	home  *sessionHome
	all   map[int]sys.ProcStat
	known map[int]bool
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
	belongs := main != 0 && (pid == main || stat.Session == main) || f.home.marked(pid) || f.has(stat.Parent)
	f.known[pid] = belongs
	return belongs
}

// marked looks into the environment that the process was started with.
func (h *sessionHome) marked(pid int) bool {
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return false // Of another user, or gone.
	}
	for variable := range bytes.SplitSeq(environ, []byte{0}) {
		if bytes.Equal(variable, h.mark) {
			return true
		}
	}
	return false
}

// processTable reads the status of every process.
func processTable() (map[int]sys.ProcStat, error) {
	pids, err := sys.Processes()
	if err != nil {
		return nil, fmt.Errorf("cannot list processes: %w", err)
	}
	table := make(map[int]sys.ProcStat, len(pids))
	for _, pid := range pids {
		if stat, err := sys.ReadProcStat(pid); err == nil {
			table[pid] = stat
		}
	}
	return table, nil
}
