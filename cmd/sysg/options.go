package main

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"time"

	"systemg.org/sysg/pkg/manifest"
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
		LookupUser: accounts(lookupUser), LookupGroup: accounts(lookupGroup),
		Budget: a.budget(), Settings: settings, System: a.system,
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

// accounts asks for each name once: a manifest may name one ten thousand times.
func accounts(look func(name string) (string, error)) func(name string) (uint32, bool) {
	type answer struct {
		id    uint32
		found bool
	}
	known := map[string]answer{}
	return func(name string) (uint32, bool) {
		if got, asked := known[name]; asked {
			return got.id, got.found
		}
		text, err := look(name)
		id, parseErr := strconv.ParseUint(text, 10, 32)
		known[name] = answer{uint32(id), err == nil && parseErr == nil}
		return known[name].id, known[name].found
	}
}

func lookupUser(name string) (string, error) {
	found, err := user.Lookup(name)
	if err != nil {
		return "", err
	}
	return found.Uid, nil
}

func lookupGroup(name string) (string, error) {
	found, err := user.LookupGroup(name)
	if err != nil {
		return "", err
	}
	return found.Gid, nil
}
