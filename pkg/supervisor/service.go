package supervisor

import (
	"os"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/machine"
	"systemg.org/sysg/pkg/plan"
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
	crons      map[string]*service // those with a schedule
	names      []string            // of services, sorted
	foreground bool                // lives as long as the client that started it
	attached   api.Caller          // that client
	// seq counts changes; saved is the newest one known to be on disk.
	seq, saved uint64
	dirty      bool
	metered    bool // something of it is measured all the time
	held       bool // something waits for room; see gate.go
	stale      bool // something that the plan looks at has changed
	saving     bool
	saveAt     time.Time // not before, unless somebody waits for it
	unsavable  bool      // the last write failed: nobody waits for the next
	waiting    []safe    // who wants to know when something is on disk
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
	sampled time.Time // when it was last measured
	// witnesses are the runs of that try whose output is evidence.
	witnesses []string

	wanted bool
	again  bool
	// resting: it is to be wanted again at the next boot (rest.go).
	resting bool
	wish    machine.Cause // who asked for what is wanted
	// unskipped: somebody started it by name, whatever its rule to skip says.
	unskipped bool
	removed   bool // gone from the manifest: forget it once it is down
	// definedIn and definedBy are number and hash of the last generation that
	// had it: the commands of its end are launched from there once it is removed.
	definedIn int
	definedBy string
	alone     bool // started without what it depends on, and waits for none of it

	run      *run // what occupies the service, nil if nothing of it is left
	restarts int  // tries since the last steady run
	total    int  // all of them
	retryAt  time.Time
	lastEnd  *store.Exit
	health   *check
	// toldStart is the main process of whose start an earlier supervisor told.
	toldStart int
	stopping  *run // its stop command, while that runs
	notes     []note
	ghosts    int    // that live; the next run waits for their end
	stuck     bool   // something of it outlived SIGKILL
	cron      *cron  // its schedule, nil for none
	children  []*run // that live, or of which something is left
	former    []*run // children that have ended, the last ones
	weighing  bool   // its children are being measured
	weighAt   time.Time

	// What follows is about replacement; see standin.go and replace.go.
	gently    bool                // again asks for a replacement where that can be
	trial     *trial              // of a candidate for its place
	standIns  []*service          // that are left of replacements
	slot      int                 // of blue/green: the active one
	sockets   map[string]*os.File // copies of what sysg-exec holds, by name
	stored    []storedFile        // copies of what it stored
	undropped []spec.Drop         // what sysg-exec has yet to drop of it
	called    bool                // somebody waits at one of them
	open      bool                // sysg-exec has said that it holds them
	closing   int                 // requests to close them that are not answered
	rejected  *api.Diagnostic     // why the last replacement failed
	// of is the service that this one stands in for, nil for none; hopeful is
	// set for a candidate.
	of      *service
	hopeful bool
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
	// ghost is set for an earlier run that we did not know of; see stray.
	ghost bool
	// early is set where the main process ended before the service was ready.
	early bool
	// side is set for a run that does not occupy its service.
	side *beside
	// child is set for one that the service asked for itself.
	child *child
	// slot and event are what it was launched with.
	slot  *int
	event *spec.Event
	// beside is the run that it was launched beside, "" for none.
	beside string
	// missing are the keys of best_effort that it runs without.
	missing []string
	// found: it was launched before we were here.
	found bool
	// commanded: its stop command was run.
	commanded bool
	// ears are what it is heard by: its notify socket, its ready descriptor.
	ears []*os.File
	// status and sub are what it says of itself, period is that of its watchdog
	// where it wants another than the manifest's, nextPID what it asked to be
	// its main process.
	status, sub string
	period      time.Duration
	nextPID     int
	// condemned is why we end it, where it is a failure of its own.
	condemned *machine.Cause
	// definition is the hash of the definition that it was started from, "" for
	// not known.
	definition string
	// seq is the change that has to be on disk before it is acknowledged.
	seq uint64
}

// node is the service as the plan sees it.
func (v *service) node() *plan.Node {
	return &plan.Node{Name: v.config.Name, State: v.state, Wanted: v.wanted, Again: v.again || v.contested(), DependsOn: v.dependsOn(), Lazy: v.config.Lazy, Rolling: v.replaceable(), Outdated: v.outdated(), Skip: v.skipped(), Excused: v.excused(), Cron: v.cron != nil, Owed: v.cron != nil && v.cron.owed != nil}
}

// dependsOn is what the service waits for: nothing, where it was started alone.
func (v *service) dependsOn() []generation.Dependency {
	if v.alone {
		return nil
	}
	return v.config.DependsOn
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
