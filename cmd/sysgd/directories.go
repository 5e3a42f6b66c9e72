package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/paths"
)

// directories are where the daemon keeps things and where sysg-exec is found.
type directories struct {
	state   string
	runtime string
	// system: it is the system's instance, whose folders others made.
	system bool
}

func parse(arguments []string) (directories, error) {
	var d directories
	flags := pflag.NewFlagSet("sysgd", pflag.ContinueOnError)
	flags.StringVar(&d.state, "state", "", "state directory (default $XDG_DATA_HOME/systemg)")
	flags.StringVar(&d.runtime, "runtime", "", "directory of the sockets (default $XDG_RUNTIME_DIR/systemg)")
	flags.BoolVar(&d.system, "system", false, "be the system's supervisor: "+paths.SystemState+" and "+paths.SystemRuntime)
	if err := flags.Parse(arguments); err != nil {
		return d, err
	}
	switch {
	case flags.NArg() > 0:
		return d, fmt.Errorf("cannot understand %q: sysgd takes no arguments", flags.Arg(0))
	case d.system:
		return d.ofSystem()
	}
	if d.state == "" {
		state, err := paths.State(os.Getenv)
		if err != nil {
			return d, fmt.Errorf("%w; use --state", err)
		}
		d.state = state
	}
	if d.runtime == "" {
		d.runtime = paths.Runtime(os.Getenv, d.state, os.Getuid())
	}
	return d, nil
}

// ofSystem refuses what would undo the separation that the system's instance
// lives by: places that somebody names, and root.
func (d directories) ofSystem() (directories, error) {
	switch {
	case d.state != "" || d.runtime != "":
		return d, errors.New("cannot combine --system with --state or --runtime: its places are fixed")
	case os.Geteuid() == 0:
		return d, fmt.Errorf("cannot supervise the system as root: sysgd --system runs as user %s, with no privilege", paths.Daemon)
	}
	d.state, d.runtime = paths.SystemState, paths.SystemRuntime
	return d, nil
}

// prepare makes a user's folder of state, or looks whether the system's are
// there: they are made by root, who says whose they are.
func (d directories) prepare() error {
	if !d.system {
		syscall.Umask(0o077)
		return os.MkdirAll(d.state, 0o700)
	}
	// Operators may read the logs, whose folder is their group's.
	syscall.Umask(0o027)
	for _, folder := range paths.SystemFolders() {
		if _, err := os.Stat(folder.Path); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot find %q: systemd-tmpfiles --create systemg.conf makes it, and so does sysg --sys start", folder.Path)
		}
	}
	return nil
}
