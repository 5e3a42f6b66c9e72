package confine

import (
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
}

// Prepare makes the Launch of a service's command. It reads the env files, so
// it may wait for as long as a file system does.
func Prepare(service generation.LaunchService, argv, inherited []string, launch spec.Launch) (Launch, error) {
	env, err := environment(service, inherited, launch)
	if err != nil {
		return Launch{}, err
	}
	return Launch{
		Argv: argv, Env: env, Dir: service.Dir, Umask: service.Umask,
		Rlimits: service.Rlimits, Nice: service.Nice, OOMScore: service.OOMScore,
	}, nil
}

// HelperUmask is the umask that sysg-exec gives itself, so that a service
// which wants the default one needs no step for it.
const HelperUmask = 0o022

// direct says whether the attributes of a clone can express all of l.
func (l *Launch) direct() bool {
	return l.Umask == HelperUmask && len(l.Rlimits) == 0 && l.Nice == nil && l.OOMScore == nil
}
