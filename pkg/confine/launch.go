package confine

import (
	"cmp"
	"reflect"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// Launch is one process, decided: nothing in it is looked up again, except the
// program in the PATH of Env.
type Launch struct {
	Argv     []string
	Env      []string
	Dir      string
	Umask    uint32
	Rlimits  []generation.Rlimit
	Nice     *int
	OOMScore *int
	// Affinity, IOPriority and NoNewPrivs are as in generation.LaunchService.
	Affinity   []uint64
	IOPriority int
	NoNewPrivs bool
	// Confinement is nil in a user's instance.
	Confinement *generation.Confinement
	// Joined: its namespaces are those of a process that runs already, whose
	// pidfd is in its Place.
	Joined bool
	// Passed are the numbers of the descriptors that it keeps, from 3 up and in
	// order; Place has what they are.
	Passed []int
	// OwnPID names variables that are to hold its own process number, which
	// nobody knows before it is there.
	OwnPID []string
	// joinFD is the pidfd of Joined, in the stage.
	joinFD int
	// program is what is executed, where that was found before a filter.
	program string
}

// Request is what a Launch is made of.
type Request struct {
	Service generation.LaunchService
	Launch  spec.Launch
	// Argv is the command, and Dir its directory, "" for the service's.
	Argv []string
	Dir  string
	// Inherited is the environment that came with the generation, Asked what a
	// child was asked for with, Vars what sysg-exec tells this process.
	Inherited, Asked, Vars []string
	Passed                 []int
	OwnPID                 []string
}

// Prepare makes the Launch of a service's command. It reads the env files, so
// it may wait for as long as a file system does.
func Prepare(r Request) (Launch, error) {
	env, err := environment(r)
	if err != nil {
		return Launch{}, err
	}
	service := &r.Service
	return Launch{
		Argv: r.Argv, Env: env, Dir: cmp.Or(r.Dir, service.Dir), Umask: service.Umask,
		Rlimits: service.Rlimits, Nice: service.Nice, OOMScore: service.OOMScore,
		Affinity: service.Affinity, IOPriority: service.IOPriority, NoNewPrivs: service.NoNewPrivs, Confinement: service.Confinement,
		Passed: r.Passed, OwnPID: r.OwnPID,
	}, nil
}

// HelperUmask is the umask that sysg-exec gives itself, so that a service
// which wants the default one needs no step for it.
const HelperUmask = 0o022

// direct says whether the attributes of a clone can express all of l. In a
// user's instance that is not to give up new privileges; in the system's it is
// from a thread that is Bare, which has given them up.
func (l *Launch) direct() bool {
	c := l.Confinement
	return l.Umask == HelperUmask && len(l.Rlimits) == 0 && l.Nice == nil && l.OOMScore == nil &&
		len(l.Affinity) == 0 && l.IOPriority == 0 && len(l.OwnPID) == 0 &&
		l.NoNewPrivs == (c != nil) && (c == nil || onlyIdentity(c))
}

// onlyIdentity: whatever else a Confinement may ask for one day, it is not that.
func onlyIdentity(c *generation.Confinement) bool {
	return reflect.DeepEqual(*c, generation.Confinement{Identity: c.Identity, BestEffort: c.BestEffort})
}
