package supervisor

import (
	"os"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/plan"
	"systemg.org/sysg/pkg/probe"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/store"
)

// historyLength is how many transitions of a service are kept for `why`.
const historyLength = 32

// project is an installed generation at work.
type project struct {
	generation generation.Supervise
	pending    *generation.Supervise // installed since, not taken up yet
	services   map[string]*service
	names      []string   // of services, sorted
	foreground bool       // lives as long as the client that started it
	attached   api.Caller // that client
	// seq counts changes; saved is the newest one known to be on disk.
	seq, saved uint64
	dirty      bool
	stale      bool // something that the plan looks at has changed
	saving     bool
	saveAt     time.Time // not before, unless somebody waits for it
	unsavable  bool      // the last write failed: nobody waits for the next
	// lost: its state could not be read, so what runs is what is wanted.
	lost bool
}

// service is one service with its wish, its state and its current run.
type service struct {
	project *project
	config  generation.Service

	state   machine.State
	since   time.Time
	cause   machine.Cause
	history []machine.Transition
	tried   time.Time // when its last try began, zero if not known

	wanted  bool
	again   bool
	wish    machine.Cause // who asked for what is wanted
	removed bool          // gone from the manifest: forget it once it is down

	run      *run // what occupies the service, nil if nothing of it is left
	restarts int  // tries since the last steady run
	total    int  // all of them
	retryAt  time.Time
	lastEnd  *store.Exit
	health   *check
	ghosts   int  // that live; the next run waits for their end
	stuck    bool // something of it outlived SIGKILL
}

// run is one incarnation.
type run struct {
	service     *service
	role        spec.Role
	incarnation string
	number      int // of the generation
	pid         int
	pidFD       *os.File
	cgroup      string
	started     time.Time

	pipes   int // log pipes that are not drained yet
	exited  *spec.Exited
	emptied bool
	// vacated is when we heard that nothing of it is left.
	vacated time.Time
	// ghost is set for an earlier run that we did not know of; see stray.
	ghost bool
	// early is set where the main process ended before the service was ready.
	early bool
	// condemned is why we end it, where it is a failure of its own.
	condemned *machine.Cause
	// seq is the change that has to be on disk before it is acknowledged.
	seq uint64
}

// check is the health check of a starting service.
type check struct {
	schedule probe.Schedule
	run      *run // the attempt in progress
}

// node is the service as the plan sees it.
func (v *service) node() *plan.Node {
	return &plan.Node{Name: v.config.Name, State: v.state, Wanted: v.wanted, Again: v.again, DependsOn: v.config.DependsOn}
}

func (p *project) graph() plan.Graph {
	graph := make(plan.Graph, len(p.services))
	for name, service := range p.services {
		graph[name] = service.node()
	}
	return graph
}

// end is how the run ended, for the verdict.
func (r *run) end() machine.End {
	switch {
	case r.condemned != nil:
		return machine.End{Condemned: true}
	case r.exited == nil || r.exited.Unknown:
		return machine.End{Unknown: true}
	}
	return machine.End{Code: exitCode(r.exited.Status), Signal: exitSignal(r.exited.Status)}
}

// exitCode and exitSignal take a raw wait status apart (wait(2)).
func exitCode(status uint32) int {
	if exitSignal(status) != 0 {
		return 0
	}
	return int(status >> 8 & 0xff)
}

func exitSignal(status uint32) int { return int(status & 0x7f) }
