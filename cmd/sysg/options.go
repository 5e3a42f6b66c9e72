package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"

	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/manifest"
	"systemg.org/sysg/pkg/paths"
	"systemg.org/sysg/pkg/seccomp"
)

// manifestOptions is what manifests are read with: this user, this machine, and
// what sysgd.conf says. The texts of the files that are opened are put into
// sources.
func (a *app) manifestOptions(sources *manifest.Sources) (manifest.Options, error) {
	settings, err := a.conf()
	if err != nil {
		return manifest.Options{}, err
	}
	open := trustedOpener(currentCaller(a.system))
	opts := manifest.Options{
		Open: func(file string) ([]byte, error) {
			content, err := open(file)
			if len(content) > largeFile {
				hurry(largeMemory)
			}
			sources.Add(file, content)
			return content, err
		},
		LookupEnv: a.lookupEnv,
		Home:      a.env("HOME"), User: a.env("USER"), Shell: a.env("SHELL"), UID: uint32(os.Geteuid()),
		LookupUser: remembered(lookupUser), LookupGroup: remembered(lookupGroup),
		Budget: a.budget(), Settings: settings,
		System: a.system, DropPrivileges: a.drops(), State: paths.Projects(paths.SystemState), CompileSeccomp: compileSeccomp,
	}
	if a.recorded == nil {
		// A schedule whose years have passed is no reason to refuse what runs.
		opts.Now = time.Now()
	}
	return opts, nil
}

// budgetVariable has been the way to give slow machines more time.
const budgetVariable = "SYSG_PRE_START_TIMEOUT_SECS"

// budget is the time for pre_start and its like, 0 for their defaults.
func (a *app) budget() time.Duration {
	text := a.env(budgetVariable)
	if text == "" {
		return 0
	}
	seconds, err := strconv.ParseUint(text, 10, 31)
	if err != nil || seconds == 0 {
		a.warn(fmt.Sprintf("%s is no whole number of seconds from 1 on, and is ignored", budgetVariable))
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// compileSeccomp makes the filter for this machine, which is the one that it is
// installed on.
func compileSeccomp(s manifest.Seccomp) (*generation.Seccomp, error) {
	return seccomp.Compile(runtime.GOARCH, seccomp.Profile{Name: s.Profile, Allow: s.Allow, Deny: s.Deny, Kill: s.Default == "kill"})
}
