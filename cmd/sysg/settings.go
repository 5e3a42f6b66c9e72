package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/manifest"
	"systemg.org/sysg/pkg/paths"
)

// settings are those of sysgd.conf.
type settings = manifest.Settings

// settingsPath is where they are: $XDG_CONFIG_HOME/systemg/sysgd.conf, or
// /etc/systemg/sysgd.conf.
func (a *app) settingsPath() string { return filepath.Join(a.configFolder(), "sysgd.conf") }

// configFolder is the folder for our configuration: the user's or the system's.
func (a *app) configFolder() string {
	if a.system {
		return paths.SystemConfig
	}
	config := a.env("XDG_CONFIG_HOME")
	if !filepath.IsAbs(config) {
		config = filepath.Join(a.env("HOME"), ".config")
	}
	return filepath.Join(config, "systemg")
}

// conf reads the settings once. A file that is not there leaves the defaults;
// one that is wrong is an error, like a wrong manifest.
func (a *app) conf() (settings, error) {
	if a.settings != nil {
		return *a.settings, nil
	}
	path := a.settingsPath()
	text, err := trustedOpener(currentCaller(a.system))(path)
	var untrusted *manifest.Untrusted
	var unread *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		text = nil
	case errors.As(err, &untrusted):
		return settings{}, distrusted(untrusted)
	case errors.As(err, &unread):
		return settings{}, fmt.Errorf("cannot read sysgd.conf: %w", err)
	case err != nil:
		return settings{}, err
	}
	read, err := manifest.ParseSettings(path, text, manifest.Options{System: a.system, LookupUser: lookupUser, LookupGroup: lookupGroup})
	var problems manifest.Problems
	if errors.As(err, &problems) {
		var sources manifest.Sources
		sources.Add(path, text)
		return settings{}, &badManifest{problems, &sources}
	}
	if err != nil {
		return settings{}, err
	}
	a.settings = &read
	return read, nil
}

// distrusted says of a file that another may have written what would mend that.
func distrusted(u *manifest.Untrusted) error {
	d := &api.Diagnostic{
		Code: api.CodeUntrusted, Title: u.Error(),
		Notes: []string{"whoever can change the settings decides as whom services run"},
	}
	if u.Mend != "" {
		d.Help = []api.Help{{Label: "mend it", Command: u.Mend}}
	}
	return d
}

// commandWait is how long a command is waited for, 0 for ever.
func (a *app) commandWait() (time.Duration, error) {
	read, err := a.conf()
	if a.system && errors.Is(err, fs.ErrPermission) {
		// Root keeps it to itself: who installs nothing can do without.
		read, err = manifest.ParseSettings(a.settingsPath(), nil, manifest.Options{})
	}
	return read.CommandWait, err
}
