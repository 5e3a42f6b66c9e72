package manifest

import (
	"time"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// Manifest is a file that has been read, checked and found usable.
type Manifest struct {
	// Path is where it is, Dir the directory that relative paths are below.
	Path    string
	Dir     string
	Version int
	Env     Env
	// Metrics is how all services are measured, nil for only while somebody looks.
	Metrics  *generation.Metrics
	Projects []Project // sorted by ID
	Warnings Problems
	// Differences is what the older program does otherwise, where the manifest
	// says that it may be one of its: for people who move over.
	Differences Problems

	opts  Options
	files *fileSet
}

// Project is a group of services that are started and named together.
type Project struct {
	ID       string
	Name     string
	Loose    bool
	Env      Env
	Logs     generation.Logs
	Services []Service // in the order of the file
}

// Service is one service, with every default filled in.
type Service struct {
	Name        string
	Command     string // a shell string
	Exec        []Text
	Dir         string
	Env         Env
	DependsOn   []Dependency
	Restart     generation.Restart
	Once        bool // its restart_policy is written, and is never
	Exits       Exits
	Stop        generation.Stop
	StopCommand string // a shell string
	Ready       generation.Ready
	Watchdog    time.Duration
	Deployment  Deployment
	Liveness    *Health
	Hooks       []Hook
	Cron        *generation.Cron
	Skip        Skip
	Sockets     []Socket
	Spawn       *generation.Spawn
	Umask       uint32
	Limits      Limits
	Logs        generation.Logs
	Confinement *Confinement // nil where nothing is asked for

	// identity and seccomp are made for the system's instance only.
	identity *generation.Identity
	seccomp  *generation.Seccomp
	at       value
}

// Hook is a command that is told of an event.
type Hook struct {
	Role    spec.Role
	Command string // a shell string
	Timeout time.Duration
}

// Skip is whether a service is left out: always, or by a command.
type Skip struct {
	Always  bool
	Command string // a shell string
}

// Socket is one entry of sockets.
type Socket struct {
	generation.Socket
	Lazy        bool
	User, Group string

	inherit string
	at      value
}

// Dependency is one entry of depends_on.
type Dependency struct {
	Service   string
	Condition generation.Condition
	Keep      bool

	raw string // Service as it was written
	at  value
}

// Exits says which ends of a process count as success, and which are final.
type Exits struct {
	Success   []generation.Exit
	NoRestart []generation.Exit
}

// Deployment is what happens around a start.
type Deployment struct {
	Strategy        string
	PreStart        string // a shell string
	PreStartTimeout time.Duration
	Health          *Health
	Grace           time.Duration
	BlueGreen       *BlueGreen
}

// BlueGreen is a replacement in two slots.
type BlueGreen struct {
	Var       string
	Slots     [2]string
	Check     *Health
	Switch    string // a shell string
	Verify    string // a shell string
	StatePath string
}

// Health is a health check.
type Health struct {
	Command string // a shell string
	Exec    []Text
	generation.Probe

	at value
}

// Limits are what a service may use.
type Limits struct {
	Rlimits    []generation.Rlimit
	Nice       *int
	OOMScore   *int
	Affinity   []uint64
	IOPriority int
	Cgroup     Cgroup
}

// Cgroup is a limit of all processes of a service together.
type Cgroup struct {
	Root  string
	Files []CgroupFile
}

// CgroupFile is what is written to one file of cgroup2.
type CgroupFile struct{ Name, Value string }

// Confinement is as whom a service runs, and what it is kept from.
type Confinement struct {
	User, Group  string
	Groups       []string
	Capabilities []string // CAP_…
	Isolation    Isolation
}

// Isolation is an isolation block.
type Isolation struct {
	Network, Mount, PID, User, IPC, UTS, Cgroup bool
	Init                                        *bool
	PrivateTmp, PrivateDevices                  bool
	ProtectSystem                               string // "", "true" or "strict"
	ReadOnly, ReadWrite, Inaccessible           []string
	NoNewPrivileges                             *bool
	Seccomp                                     *Seccomp
	Landlock                                    *Landlock
	AppArmor, SELinux                           string
	BestEffort                                  []string
}

// Seccomp is a profile by its name, or one of its own.
type Seccomp struct {
	Profile     string
	Allow, Deny []string
	Default     string // errno or kill
}

// Landlock is what a service may use.
type Landlock struct {
	ReadOnly, ReadWrite []string
	Bind, Connect       []uint16
}

// Env is one env object.
type Env struct {
	Files []EnvFile
	Vars  []*Var
	// Inherit and ClearSession are nil where the object does not say.
	Inherit      *bool
	ClearSession *bool
	Strip        []string
}

// EnvFile is a file of variables, by its absolute path.
type EnvFile struct {
	Path     string
	Optional bool

	at value
}

// Var is one variable.
type Var struct {
	Name string
	Text Text

	at value
}
