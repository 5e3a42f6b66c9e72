package manifest

import (
	"time"

	"systemg.org/sysg/pkg/generation"
)

// Manifest is a file that has been read, checked and found usable.
type Manifest struct {
	// Path is where it is, Dir the directory that relative paths are below.
	Path     string
	Dir      string
	Version  int
	Env      Env
	Projects []Project // sorted by ID
	Warnings Problems

	opts Options
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
	Name         string
	Command      string // a shell string
	Exec         []Text
	Dir          string
	Env          Env
	DependsOn    []Dependency
	Restart      generation.Restart
	Exits        Exits
	Stop         generation.Stop
	Ready        generation.ReadyBy
	StableFor    time.Duration
	StartTimeout time.Duration
	Deployment   Deployment
	Umask        uint32
	Limits       Limits
	Logs         generation.Logs

	at value
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
	Rlimits  []generation.Rlimit
	Nice     *int
	OOMScore *int
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
