package spec

import "time"

const (
	// Version is the protocol spoken by this build, Min the oldest it accepts.
	Version = 1
	Min     = 1

	// MaxFrame bounds every frame on exec.sock, in bytes.
	MaxFrame = 64 << 10

	// MaxKept is how many descriptors of a service are kept for it.
	MaxKept = 64

	// MaxGeneration bounds the memfd that comes with Install, in bytes.
	MaxGeneration = 64 << 20
)

// Request is one frame from a client. Exactly one of its messages is set.
type Request struct {
	// ID is chosen by the client, not 0, and repeated in the answer.
	ID uint64 `json:"id"`

	Hello   *Hello   `json:"hello,omitempty"`
	Install *Install `json:"install,omitempty"`
	Launch  *Launch  `json:"launch,omitempty"`
	Signal  *Signal  `json:"signal,omitempty"`
	Kill    *Kill    `json:"kill,omitempty"`
	List    *List    `json:"list,omitempty"`
	Ack     *Ack     `json:"ack,omitempty"`
	Quit    *Quit    `json:"quit,omitempty"`

	Listen   *Listen   `json:"listen,omitempty"`
	Unlisten *Unlisten `json:"unlisten,omitempty"`
	Main     *Main     `json:"main,omitempty"`
	Keep     *Keep     `json:"keep,omitempty"`
	Drop     *Drop     `json:"drop,omitempty"`
	Activate *Activate `json:"activate,omitempty"`
	Remove   *Remove   `json:"remove,omitempty"`
}

// Reply is one frame from sysg-exec. Exactly one of its messages is set.
type Reply struct {
	// ID is that of the request answered, 0 for an event.
	ID uint64 `json:"id"`

	Hello     *Hello     `json:"hello,omitempty"`
	Installed *Installed `json:"installed,omitempty"`
	Launched  *Launched  `json:"launched,omitempty"`
	Failed    *Failed    `json:"failed,omitempty"`
	Listed    *Listed    `json:"listed,omitempty"`
	Done      *Done      `json:"done,omitempty"`
	Refused   *Refused   `json:"refused,omitempty"`
	Exited    *Exited    `json:"exited,omitempty"`
	Emptied   *Emptied   `json:"emptied,omitempty"`

	Listening *Listening `json:"listening,omitempty"`
	Wanted    *Wanted    `json:"wanted,omitempty"`
	Spawned   *Spawned   `json:"spawned,omitempty"`
}

// Hello is the first frame of either side. A peer whose Version is below our
// Min, or whose Min is above our Version, is refused.
type Hello struct {
	Version int `json:"version"`
	Min     int `json:"min"`
}

// Install stores the generation that comes as one sealed memfd (all four of
// F_SEAL_SEAL, SHRINK, GROW and WRITE) and makes it the active one of its
// project. Installing what is active already changes nothing.
type Install struct{}

// Installed answers Install.
type Installed struct {
	Project string `json:"project"`
	Number  int    `json:"number"`
	Hash    string `json:"hash"`
	// Changed is false where the same generation was active already.
	Changed bool `json:"changed"`
}

// Launch asks for one run of a command that the generation declares. It is
// idempotent by Incarnation: a repeated Launch of one that lives or has ended
// unacknowledged is answered with Launched again and starts nothing.
type Launch struct {
	Project    string `json:"project"`
	Generation int    `json:"generation"`
	// Hash is the content hash of that generation, checked at each launch.
	Hash        string `json:"hash"`
	Service     string `json:"service"`
	Role        Role   `json:"role"`
	Incarnation string `json:"incarnation"`
	// Slot is which of the two blue/green slots this is for; the other one is
	// the active one. It is given where the generation declares slots.
	Slot *int `json:"slot,omitempty"`
	// Beside is the incarnation that this one runs beside, of the same service,
	// "" for none. A check, a stop command and some hooks join its namespaces,
	// as long as it lives.
	Beside string `json:"beside,omitempty"`
	// Event is what a hook, or the stop command, is told. Other roles have none.
	Event *Event `json:"event,omitempty"`
}

// Event becomes the variables SYSG_EVENT, SYSG_PID, SYSG_EXIT_CODE, SYSG_SIGNAL
// and SYSG_ATTEMPT of a hook, or of the stop command. The variables of what is nil or 0 are not set.
type Event struct {
	// Name is start, error, stop or exit.
	Name string `json:"name"`
	// PID is that of the main process, which may have ended.
	PID      int  `json:"pid,omitempty"`
	ExitCode *int `json:"exit_code,omitempty"`
	Signal   int  `json:"signal,omitempty"`
	// Attempt counts the tries since the last steady run, from 1.
	Attempt int `json:"attempt,omitempty"`
}

// Launched says that the process is past its execve. Descriptors come with it,
// in this order: a pidfd, the read ends of its standard output and standard
// error, non-blocking, and, if so said, the notify socket and the read end of
// the pipe on which it reports readiness. For a repeated Launch they are those
// that are left, as with Listed.
type Launched struct {
	Incarnation string `json:"incarnation"`
	PID         int    `json:"pid"`
	// Notify: the receiving end of its notify socket (SOCK_DGRAM, SO_PASSCRED)
	// is among the descriptors. Ready: so is the pipe of its ready descriptor.
	Notify bool `json:"notify,omitempty"`
	Ready  bool `json:"ready,omitempty"`
	// Cgroup is the leaf's path below the cgroup2 mount, "" where there is
	// no cgroup and the incarnation is contained by its session.
	Cgroup string `json:"cgroup,omitempty"`
	// Missing are the keys of best_effort that this kernel lacks, so that the
	// process runs without them.
	Missing []string `json:"missing,omitempty"`
}

// Failed says that nothing runs: the named stage failed.
type Failed struct {
	Incarnation string `json:"incarnation"`
	Stage       Stage  `json:"stage"`
	// Errno is the error number of the failing system call, 0 if none failed.
	Errno int `json:"errno,omitempty"`
	// Detail is a sentence for people; it never quotes the environment.
	Detail string `json:"detail"`
}

// Signal sends a signal to the incarnation's main process, or with Group to
// every process of its cgroup.
type Signal struct {
	Incarnation string `json:"incarnation"`
	Signal      int    `json:"signal"`
	Group       bool   `json:"group,omitempty"`
}

// Kill ends every process of the incarnation with SIGKILL. Emptied follows
// when the last one is gone. For one that has ended it is a no-op.
type Kill struct {
	Incarnation string `json:"incarnation"`
}

// List asks for every incarnation that lives or is unacknowledged and makes
// this connection the one that receives events; an earlier one loses them.
type List struct{}

// Listed answers List, one frame an incarnation and a last one with Last set
// and nothing else. Its descriptors are those of Launched, without the pidfd
// where Exited is set, and without the pipes where an earlier sysg-exec made
// them: so 3, 2, 1 or none. A notify socket that comes with an adopted
// incarnation is a new one at the old path: what was sent before is in the old
// one, if anybody has kept that.
type Listed struct {
	Last   bool    `json:"last,omitempty"`
	Record *Record `json:"record,omitempty"`
	// Notify and Ready are as in Launched; they come after the others.
	Notify bool `json:"notify,omitempty"`
	Ready  bool `json:"ready,omitempty"`
}

// Record is what sysg-exec remembers of an incarnation until it is
// acknowledged.
type Record struct {
	Launch  Launch    `json:"launch"`
	PID     int       `json:"pid"`
	Cgroup  string    `json:"cgroup,omitempty"`
	Started time.Time `json:"started"`
	Exited  *Exited   `json:"exited,omitempty"`
	Emptied bool      `json:"emptied,omitempty"`
	// Child is set for the role child.
	Child *Child `json:"child,omitempty"`
	// Missing is as in Launched.
	Missing []string `json:"missing,omitempty"`
}

// Child is what is known of a process that a service asked for.
type Child struct {
	// Parent is the incarnation that asked: a main process's, or a child's.
	Parent string   `json:"parent"`
	Name   string   `json:"name"`
	Argv   []string `json:"argv"`
	// Depth is 1 for a child of the service itself.
	Depth int `json:"depth"`
	// TTL is how long it may live, 0 for as long as it likes. sysgd ends it.
	TTL time.Duration `json:"ttl,omitempty"`
}

// Listen makes the sockets of a service, as far as they are not held already.
// Descriptors that come with it are sockets which sysgd kept, or got from
// systemd, for the names in Names; each must fit its declaration. It is
// answered with Listening, or refused: with ReasonBusy for an address in use.
// Launch does the same by itself.
type Listen struct {
	Project    string   `json:"project"`
	Generation int      `json:"generation"`
	Hash       string   `json:"hash"`
	Service    string   `json:"service"`
	Names      []string `json:"names,omitempty"`
	// Watch asks for one Wanted when a client of any of them is there, at once
	// if it is there already. The next Listen, and the next Launch of the
	// service's main role, end the watch.
	Watch bool `json:"watch,omitempty"`
}

// Listening answers Listen with a copy of each descriptor held for the service,
// in the order of Names, so that they outlive sysg-exec.
type Listening struct {
	Names []string `json:"names,omitempty"`
}

// Unlisten closes the sockets of a service, and what it had stored.
type Unlisten struct {
	Project string `json:"project"`
	Service string `json:"service"`
}

// Wanted is the event that somebody waits at one of a service's sockets.
type Wanted struct {
	Project string `json:"project"`
	Service string `json:"service"`
}

// Main says that another process of an incarnation is its main process from
// now on (MAINPID=, sd_notify(3)). It must be one of the incarnation.
type Main struct {
	Incarnation string `json:"incarnation"`
	PID         int    `json:"pid"`
}

// Keep stores the descriptors that come with it for the next incarnation of the
// service (FDSTORE=1, sd_notify(3)), up to MaxKept of them.
type Keep struct {
	// Incarnation is that of the service; Of names a service that has none just
	// now, and whose descriptors were kept by a sysg-exec that has died.
	Incarnation string `json:"incarnation,omitempty"`
	Of          *Owner `json:"of,omitempty"`
	// Name is that of FDNAME=, "stored" where none was given.
	Name string `json:"name"`
}

// Owner names a service of an installed generation.
type Owner struct {
	Project    string `json:"project"`
	Generation int    `json:"generation"`
	Hash       string `json:"hash"`
	Service    string `json:"service"`
}

// Drop closes what is stored under a name (FDSTOREREMOVE=1).
type Drop struct {
	Incarnation string `json:"incarnation"`
	Name        string `json:"name"`
}

// Activate installs the content of an earlier generation as a new one, and is
// answered with Installed. Of the active one there is nothing to change.
type Activate struct {
	Project string `json:"project"`
	Number  int    `json:"number"`
}

// Remove deletes all generations of a project. It is refused (ReasonBusy) while
// anything of the project lives.
type Remove struct {
	Project string `json:"project"`
}

// Spawned is the event that a service's child runs. Descriptors come as with
// Launched.
type Spawned struct {
	Record Record `json:"record"`
}

// Ack lets sysg-exec forget incarnations that have ended and emptied. sysgd
// sends it once what they left behind is on disk. Unknown ones are ignored.
type Ack struct {
	Incarnations []string `json:"incarnations"`
}

// Quit asks sysg-exec to end once it has answered. It is refused (ReasonBusy)
// while anything that it launched lives.
type Quit struct{}

// Done answers Signal, Kill, Ack, Quit, Unlisten, Main, Keep, Drop and Remove.
type Done struct{}

// Refused answers a request that will not be carried out.
type Refused struct {
	Reason Reason `json:"reason"`
	Detail string `json:"detail"`
}

// Exited reports the end of an incarnation's main process.
type Exited struct {
	Incarnation string `json:"incarnation"`
	// Status is the raw wait status (wait(2)).
	Status uint32 `json:"status"`
	// Unknown says that Status and Usage could not be learnt: the process
	// ended without a parent of ours, by the restart of sysg-exec.
	Unknown bool      `json:"unknown,omitempty"`
	Usage   Usage     `json:"usage"`
	At      time.Time `json:"at"`
	// Emptied says that nothing of the incarnation is left. If false, an
	// Emptied event follows once that is so.
	Emptied bool `json:"emptied,omitempty"`
	// OOM is set where the kernel killed something of it for its memory limit.
	OOM *OOM `json:"oom,omitempty"`
}

// OOM is what memory.events of an incarnation's cgroup says.
type OOM struct {
	// Kills is how many processes were killed.
	Kills uint64 `json:"kills"`
	// Limit is memory.max in bytes, 0 for none: the limit was one further up.
	Limit uint64 `json:"limit,omitempty"`
}

// Usage is what the main process and its reaped children used (getrusage(2)).
type Usage struct {
	UserMicros   int64 `json:"user_us"`
	SystemMicros int64 `json:"system_us"`
	// MaxRSS is in bytes.
	MaxRSS int64 `json:"max_rss"`
}

// Emptied reports that the last process of an incarnation is gone and its
// cgroup removed.
type Emptied struct {
	Incarnation string `json:"incarnation"`
}
