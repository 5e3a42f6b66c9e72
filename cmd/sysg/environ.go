package main

import (
	"os"
	"slices"
	"strings"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/paths"
)

// A start gives its environment to the services. A restart keeps what the start
// had: whoever calls it, from cron or another terminal, does not change what
// the manifest's variables mean. What it adds are names that were not there.

// keepEnvironment has manifests read and compiled with the environment of the
// last start of a project, as far as that is known, and with its
// --drop-privileges: a restart gives no service back what the start took from it.
func (a *app) keepEnvironment(project string) {
	a.recorded = nil
	store := generation.Store{Dir: paths.Generations(a.instance.state)}
	number, err := store.Active(project)
	if err != nil {
		return
	}
	if launch, err := store.Launch(project, number); err == nil {
		a.recorded = &launch
	}
}

// drops says whether services that name no user run as nobody.
func (a *app) drops() bool {
	return a.drop || a.recorded != nil && slices.ContainsFunc(a.recorded.Services, func(s generation.LaunchService) bool {
		return s.Confinement != nil && s.Confinement.Identity.Dropped
	})
}

// lookupEnv is a variable as the manifest may refer to it.
func (a *app) lookupEnv(name string) (string, bool) {
	if a.recorded == nil {
		return os.LookupEnv(name)
	}
	for _, entry := range slices.Concat(a.recorded.Variables, a.recorded.Inherited) {
		if entry == name { // as it was not set
			return "", false
		}
		if value, found := strings.CutPrefix(entry, name+"="); found {
			return value, true
		}
	}
	return os.LookupEnv(name)
}

// environ is what services may inherit.
func (a *app) environ() []string {
	if a.recorded != nil {
		return a.recorded.Inherited
	}
	return os.Environ()
}
