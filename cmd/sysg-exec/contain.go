package main

import (
	"syscall"

	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// containment is how the processes of an incarnation are kept together: by a
// cgroup (contain_cgroup.go), or where there is none by their session, parents
// and environment (contain_session.go).
type containment interface {
	// make makes the home of a new incarnation, and sets its limits there.
	make(launch spec.Launch, limits limits) (home, error)
	// find finds the home that an earlier helper made, nil if it is gone.
	find(record *saved) (home, error)
	// abandon ends what an earlier helper may have begun to launch, and never
	// announced.
	abandon(incarnation string) error
	// owner finds the incarnation that a process is in, among those that there
	// are; nil if it is in none of them.
	owner(pid int, all map[string]*incarnation) (*incarnation, error)
	// prune removes what only the project and the service of a forgotten
	// incarnation needed, whose home had this path.
	prune(path string)
	// leave removes what only a helper needs that now ends.
	leave()
	// orphans says whether orphans become our children, to be reaped.
	orphans() bool
}

// home is where one incarnation lives.
type home interface {
	// cgroupFD is what its first process is cloned into, -1 for none.
	cgroupFD() int
	// path is the cgroup's path below the mount, "" for none.
	path() string
	// id is the kernel's number of the cgroup, 0 for none.
	id() uint64
	// started tells it its main process.
	started(pid, pidfd int)
	// collect takes the exit of the main process, if it is our child.
	collect(pidfd int) (status uint32, usage sys.Usage, exited bool, err error)
	// has says whether a process is one of its own.
	has(pid int) (bool, error)
	// first is any of its processes, 0 if it sees none.
	first() int
	// oom is what was killed for memory in it, nil if it never lacked any.
	oom() *spec.OOM
	signal(signal syscall.Signal) error
	kill() error
	// survivors lists what to wait for before asking again. If there is
	// nothing, the incarnation is over: not a process is left, and the home
	// is removed. It may be asked once the main process is collected.
	survivors() ([]awaited, error)
	// close gives back what the home holds, without touching processes.
	close()
}

// awaited is a descriptor, which stays the home's, and the events to await.
type awaited struct {
	fd     int
	events uint32
}
