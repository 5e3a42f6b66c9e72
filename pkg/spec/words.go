package spec

// Role says which of a service's commands a launch runs.
type Role string

// RoleMain is the service itself. The other roles run beside it.
const (
	RoleSkip      Role = "skip"      // exits 0 if the service is to be left out
	RolePreStart  Role = "pre_start" // must succeed before each start
	RoleMain      Role = "main"
	RoleHealth    Role = "health"        // the check of a service that starts
	RoleLiveness  Role = "liveness"      // the check of one that is ready
	RoleCandidate Role = "candidate"     // the check of a blue/green candidate
	RoleSwitch    Role = "switch"        // turns the traffic to a slot
	RoleVerify    Role = "switch_verify" // checks that it has turned
	RoleOnStart   Role = "onstart"
	RoleOnErr     Role = "onerr"
	RoleOnStop    Role = "onstop"
	RoleOnExit    Role = "onexit"
	RoleStop      Role = "stop" // run before the stop signal
	// RoleChild is a process that a service asked for itself, on spawn.sock. It
	// has no command in the generation, and no client can launch it.
	RoleChild Role = "child"
)

// Roles are all roles, in the order of a service's life.
var Roles = [...]Role{
	RoleSkip, RolePreStart, RoleMain, RoleHealth, RoleLiveness, RoleCandidate, RoleSwitch, RoleVerify,
	RoleOnStart, RoleOnErr, RoleOnStop, RoleOnExit, RoleStop, RoleChild,
}

// Stage names a step of a launch, so that a failure says where it happened.
type Stage string

// The stages, in the order in which a launch passes them. Those up to clone
// run in sysg-exec; the rest in the new process.
const (
	StageGrant    Stage = "grant"
	StageCgroup   Stage = "cgroup"
	StageSockets  Stage = "sockets"
	StagePipes    Stage = "pipes"
	StageEnv      Stage = "env"
	StageClone    Stage = "clone"
	StageFDs      Stage = "fds"
	StageSession  Stage = "session"
	StageMounts   Stage = "mounts"
	StageNetwork  Stage = "network"
	StageNice     Stage = "nice"
	StageOOMScore Stage = "oom_score_adj"
	StageUmask    Stage = "umask"
	StageRlimits  Stage = "rlimits"
	StageAffinity Stage = "cpu_affinity"
	StageIONice   Stage = "ionice"
	StageJoin     Stage = "join"
	StageCaps     Stage = "caps"
	StageIDs      Stage = "ids"
	StageCapSet   Stage = "capset"
	StageChdir    Stage = "chdir"
	StageNoNew    Stage = "no_new_privs"
	StageLSM      Stage = "lsm"
	StageLandlock Stage = "landlock"
	StageSeccomp  Stage = "seccomp"
	StageExec     Stage = "exec"
)

// Stages are all stages with what each does, in order.
var Stages = [...]struct {
	Stage Stage
	Does  string
}{
	{StageGrant, "checks that the caller may ask for this and that it is installed"},
	{StageCgroup, "makes the incarnation's cgroup leaf"},
	{StageSockets, "makes the sockets that the manifest lists"},
	{StagePipes, "makes the pipes of standard output and error"},
	{StageEnv, "reads env files and assembles the environment"},
	{StageClone, "forks into the cgroup"},
	{StageFDs, "leaves only standard input, output and error, and its sockets, open"},
	{StageSession, "starts a session of its own"},
	{StageMounts, "arranges what it sees of the file system"},
	{StageNetwork, "brings up loopback in a network of its own"},
	{StageNice, "sets the scheduling priority"},
	{StageOOMScore, "sets the out-of-memory score"},
	{StageUmask, "sets the file mode creation mask"},
	{StageRlimits, "sets resource limits"},
	{StageAffinity, "binds it to CPUs"},
	{StageIONice, "sets the priority for disk access"},
	{StageJoin, "enters the namespaces of the service that it runs beside"},
	{StageCaps, "takes all capabilities but the listed ones from the bounding set"},
	{StageIDs, "becomes its user, with its groups and no others"},
	{StageCapSet, "keeps the listed capabilities, and no others, in every set"},
	{StageChdir, "enters the working directory"},
	{StageNoNew, "gives up new privileges for good"},
	{StageLSM, "asks for its AppArmor profile or SELinux context at the execve"},
	{StageLandlock, "restricts itself to its paths and ports"},
	{StageSeccomp, "restricts itself to its system calls"},
	{StageExec, "becomes the program"},
}

// Reason is why a request was refused, for programs.
type Reason string

// The reasons for a refusal.
const (
	// ReasonProtocol: a frame that cannot be understood; the connection ends.
	ReasonProtocol Reason = "protocol"
	// ReasonVersion: no protocol version in common.
	ReasonVersion Reason = "version"
	// ReasonPeer: this caller may not ask this.
	ReasonPeer Reason = "peer"
	// ReasonUnknown: no such project, generation, service, role or incarnation.
	ReasonUnknown Reason = "unknown"
	// ReasonInvalid: a generation that does not hold.
	ReasonInvalid Reason = "invalid"
	// ReasonBusy: not while services live, or an address is in use.
	ReasonBusy Reason = "busy"
	// ReasonInternal: sysg-exec could not do its own part.
	ReasonInternal Reason = "internal"
)
