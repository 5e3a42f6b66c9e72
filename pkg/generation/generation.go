package generation

import (
	"time"

	"systemg.org/sysg/pkg/spec"
)

// Format is the version of the stored form.
const Format = 1

// Generation is one project, compiled. Services stand in both parts under the
// same names, sorted.
type Generation struct {
	Supervise Supervise `json:"supervise"`
	Launch    Launch    `json:"launch"`
}

// Supervise is the part that sysgd works from.
type Supervise struct {
	Format int `json:"format"`
	// Project is the id, Name what people call it (the id if nothing else).
	Project string `json:"project"`
	Name    string `json:"name"`
	// Manifest is the absolute path it was compiled from.
	Manifest string `json:"manifest"`
	// Loose is set for a manifest that names no project.
	Loose bool `json:"loose,omitempty"`
	// Number and Hash are the identity; both are 0 and "" until installed.
	Number int    `json:"number"`
	Hash   string `json:"hash"`
	// Settings are what sysgd.conf said when it was compiled; no part of the hash.
	Settings Settings `json:"settings,omitzero"`
	// Sources are the files that it was made of, included ones and env files
	// too, so that a change can be told; no part of the hash.
	Sources  []Source  `json:"sources,omitempty"`
	Services []Service `json:"services"`
}

// Settings are what an administrator sets for the supervisor as a whole. The
// generation installed last has the say.
type Settings struct {
	// MaxConcurrent bounds how many services are on their way up at a time;
	// 0 is no bound.
	MaxConcurrent int `json:"max_concurrent,omitempty"`
	// Closed: in the system's instance, who is neither root nor an operator is
	// not even told what runs.
	Closed bool `json:"closed,omitempty"`
}

// Source is one file that a generation was made of.
type Source struct {
	Path string `json:"path"`
	// Sum is the SHA-256 of its content, in hex; "" where it was optional and
	// not there.
	Sum string `json:"sum,omitempty"`
}

// Service is what sysgd knows of a service.
type Service struct {
	Name string `json:"name"`
	// Hash covers both parts of the service; equal hashes mean unchanged.
	Hash string `json:"hash"`
	// Command is what people are shown, with variables unexpanded.
	Command string `json:"command"`
	// User is as whom it runs, a name or a number, in the system's instance;
	// Dropped: the manifest names nobody, and --drop-privileges made it nobody.
	User      string       `json:"user,omitempty"`
	Dropped   bool         `json:"dropped,omitempty"`
	DependsOn []Dependency `json:"depends_on,omitempty"`
	Restart   Restart      `json:"restart"`
	// Once: it is meant to run once, since its policy is written to be never.
	// Its hash does not cover that, which is for people.
	Once      bool      `json:"once,omitempty"`
	Success   []Exit    `json:"success"`
	NoRestart []Exit    `json:"no_restart,omitempty"`
	Stop      Stop      `json:"stop"`
	Ready     Ready     `json:"ready"`
	Health    *Probe    `json:"health,omitempty"`
	PreStart  *PreStart `json:"pre_start,omitempty"`
	Logs      Logs      `json:"logs"`

	// Skip says not to run it: always, or when the command of the role skip
	// exits 0.
	Skip Skip `json:"skip,omitempty"`
	// SkipTimeout is the time for the command of the role skip, where there is one.
	SkipTimeout time.Duration `json:"skip_timeout,omitempty"`
	// Liveness is the check of a service that is ready: Retries consecutive
	// failures are a failure of the service.
	Liveness *Probe `json:"liveness,omitempty"`
	// Watchdog is the longest time between two WATCHDOG=1, 0 for none.
	Watchdog time.Duration `json:"watchdog,omitempty"`
	// Notify: it gets a socket for sd_notify(3).
	Notify bool `json:"notify,omitempty"`
	// Hooks are the time limits of the hooks that there are.
	Hooks []Hook `json:"hooks,omitempty"`
	// Cron makes it a scheduled unit.
	Cron *Cron `json:"cron,omitempty"`
	// Rolling is how a running incarnation is replaced by the next without a
	// gap, nil for stop first, then start.
	Rolling *Rolling `json:"rolling,omitempty"`
	// Sockets are passed to it, in this order.
	Sockets []Socket `json:"sockets,omitempty"`
	// Lazy: it starts when somebody connects to one of Sockets.
	Lazy bool `json:"lazy,omitempty"`
	// Spawn lets it ask for children of its own, nil for not.
	Spawn *Spawn `json:"spawn,omitempty"`
	// Metrics is how it is measured, nil for only while somebody looks.
	Metrics *Metrics `json:"metrics,omitempty"`
}

// Skip is whether a service is left out.
type Skip string

// The ways to leave a service out. The zero value is not to.
const (
	SkipAlways    Skip = "always"
	SkipByCommand Skip = "command"
)

// Hook is a command that is told of an event: spec.RoleOnStart and the like.
type Hook struct {
	Role    spec.Role     `json:"role"`
	Timeout time.Duration `json:"timeout"`
}

// Overlap is what happens when a run is due while the last one still runs.
type Overlap string

// What may happen then.
const (
	OverlapSkip  Overlap = "skip"  // the new run is left out, and recorded so
	OverlapQueue Overlap = "queue" // it starts when the last one has ended
	OverlapKill  Overlap = "kill"  // the last one is ended first
)

// Cron is when a scheduled unit runs. pkg/schedule reads Expression.
type Cron struct {
	Expression string `json:"expression"`
	// Timezone is an IANA name, "UTC" or "local".
	Timezone string  `json:"timezone"`
	Overlap  Overlap `json:"overlap"`
	// CatchUp: if runs were missed, one is made as soon as it can be.
	CatchUp bool `json:"catch_up,omitempty"`
	// Jitter is the most that a run is put off, by chance.
	Jitter time.Duration `json:"jitter,omitempty"`
	// Timeout is how long a run may take.
	Timeout time.Duration `json:"timeout"`
	// History is how many runs are remembered.
	History int `json:"history"`
}

// Rolling is a replacement without a gap: the next incarnation is started
// beside the one that runs, and only when it has proved itself the old one ends.
type Rolling struct {
	// Grace is how long the candidate must stay ready.
	Grace time.Duration `json:"grace,omitempty"`
	// BlueGreen adds two slots and a switch between them.
	BlueGreen *BlueGreen `json:"blue_green,omitempty"`
}

// BlueGreen are two slots of which one is active. The values of the slots are
// in the launch part; here they are known by their place, 0 and 1.
type BlueGreen struct {
	Slots [2]string `json:"slots"`
	// Check is the health check of the candidate (spec.RoleCandidate), nil
	// for none but readiness.
	Check *Probe `json:"check,omitempty"`
	// Verify: there is a command of the role switch_verify.
	Verify bool `json:"verify,omitempty"`
	// Timeout is the time for switch_command and for switch_verify.
	Timeout time.Duration `json:"timeout"`
	// StatePath is the file in which the active slot is kept, absolute; "" is
	// one of sysgd's own.
	StatePath string `json:"state_path,omitempty"`
}

// Socket is a listening socket or FIFO that sysg-exec makes and keeps over
// restarts of the service.
type Socket struct {
	Name string `json:"name"`
	// Kind is tcp, udp, unix, unixpacket or fifo; "inherit" for one that the
	// supervisor itself got from systemd.
	Kind SocketKind `json:"kind"`
	// Address is host:port, an absolute path, or the name of what is inherited.
	Address string `json:"address"`
	// Mode is that of a path, 0 for 0666.
	Mode uint32 `json:"mode,omitempty"`
	// Owner of a path, in the system's instance: nil for the service's user.
	Owner *Owner `json:"owner,omitempty"`
}

// Owner is to whom a file belongs.
type Owner struct {
	UID uint32 `json:"uid"`
	GID uint32 `json:"gid"`
}

// SocketKind sorts sockets.
type SocketKind string

// The kinds of socket.
const (
	SocketTCP        SocketKind = "tcp"
	SocketUDP        SocketKind = "udp"
	SocketUnix       SocketKind = "unix"
	SocketUnixPacket SocketKind = "unixpacket"
	SocketFIFO       SocketKind = "fifo"
	SocketInherit    SocketKind = "inherit"
)

// Termination is what becomes of the children of a service that ends.
type Termination string

// What may become of them.
const (
	TerminateCascade  Termination = "cascade"  // they end with it
	TerminateOrphan   Termination = "orphan"   // they go on
	TerminateReparent Termination = "reparent" // they go on, as children of the next incarnation
)

// Spawn bounds the children that a running service may ask for.
type Spawn struct {
	Children    int         `json:"children"`
	Depth       int         `json:"depth"`
	Descendants int         `json:"descendants"`
	TotalMemory uint64      `json:"total_memory,omitempty"` // bytes, 0 for no bound
	Termination Termination `json:"termination"`
}

// Metrics is how a service is measured. Durations are in nanoseconds.
type Metrics struct {
	Interval  time.Duration `json:"interval"`
	Retention time.Duration `json:"retention"`
	MaxMemory uint64        `json:"max_memory"`
	// SpilloverDir is absolute; "" keeps samples in memory only.
	SpilloverDir     string `json:"spillover_dir,omitempty"`
	SpilloverMax     uint64 `json:"spillover_max,omitempty"`
	SpilloverSegment uint64 `json:"spillover_segment,omitempty"`
}

// Launch is the part that sysg-exec works from.
type Launch struct {
	Format  int    `json:"format"`
	Project string `json:"project"`
	// Inherited is the environment of the command that installed the
	// generation, as KEY=value. It is not part of the hash.
	Inherited []string `json:"inherited,omitempty"`
	// Variables are those of that environment which the manifest refers to, as
	// KEY=value, or as KEY where it was not set. A restart reads the manifest
	// with them. They are not part of the hash either.
	Variables []string        `json:"variables,omitempty"`
	Services  []LaunchService `json:"services"`
}

// LaunchService is how a service's processes come to be.
type LaunchService struct {
	Name  string    `json:"name"`
	Roles []Command `json:"roles"`
	// Dir is the absolute working directory.
	Dir string `json:"dir"`
	// Layers make up the environment: later ones win, all win over Inherited.
	Layers []Layer `json:"layers,omitempty"`
	// Strip names variables that are not inherited.
	Strip []string `json:"strip,omitempty"`
	// NoInherit starts from an empty environment.
	NoInherit bool     `json:"no_inherit,omitempty"`
	Umask     uint32   `json:"umask"`
	Rlimits   []Rlimit `json:"rlimits,omitempty"`
	Nice      *int     `json:"nice,omitempty"`
	OOMScore  *int     `json:"oom_score_adj,omitempty"`
	// Affinity is a bit for each CPU that it may run on, nil for all; bit n%64
	// of element n/64 is CPU n.
	Affinity []uint64 `json:"cpu_affinity,omitempty"`
	// IOPriority is the value for ioprio_set(2), 0 for the kernel's choice.
	IOPriority int `json:"ionice,omitempty"`
	// NoNewPrivs sets no_new_privs (prctl(2)).
	NoNewPrivs bool `json:"no_new_privs,omitempty"`

	// Confinement is nil in a user's instance, and never in the system's.
	Confinement *Confinement `json:"confinement,omitempty"`
	Cgroup      *Cgroup      `json:"cgroup,omitempty"`

	// Notify makes a socket for sd_notify(3), and Watchdog says so in
	// WATCHDOG_USEC.
	Notify   bool          `json:"notify,omitempty"`
	Watchdog time.Duration `json:"watchdog,omitempty"`
	// ReadyFD is the descriptor that it reports readiness on, 0 for none.
	ReadyFD int      `json:"ready_fd,omitempty"`
	Sockets []Socket `json:"sockets,omitempty"`
	// SlotVar names the variable that has the slot, and Slots its two values.
	SlotVar string    `json:"slot_var,omitempty"`
	Slots   [2]string `json:"slots,omitzero"`
	Spawn   *Spawn    `json:"spawn,omitempty"`
}

// Command is what one role runs.
type Command struct {
	Role spec.Role `json:"role"`
	// Argv is the program and its arguments; a program without a slash is
	// looked up in PATH of the service's own environment.
	Argv []string `json:"argv"`
}

// Layer is one step of an environment: a file, or variables.
type Layer struct {
	// File is an absolute path, read at each launch.
	File string `json:"file,omitempty"`
	// Optional lets File be missing.
	Optional bool `json:"optional,omitempty"`
	// Sum is the SHA-256 of what File had when this was compiled, in hex, ""
	// where it was not there: a changed file makes a changed service.
	Sum  string   `json:"sum,omitempty"`
	Vars []string `json:"vars,omitempty"`
}

// Unlimited is the value of a limit that is none (RLIM_INFINITY).
const Unlimited = ^uint64(0)

// Rlimit is one resource limit, by the name of its manifest key.
type Rlimit struct {
	Name string `json:"name"`
	Soft uint64 `json:"soft"`
	Hard uint64 `json:"hard"`
}
