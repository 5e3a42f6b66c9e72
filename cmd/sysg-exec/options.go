package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"systemg.org/sysg/pkg/paths"
)

// options are the arguments of serve.
type options struct {
	// state is the state directory.
	state string
	// unit is the systemd unit that is the home of all services, "" for none.
	unit string
	// containment is auto, cgroup or session.
	containment string
	// launchTimeout is how long a launch may take to its execve.
	launchTimeout time.Duration
	// system: it serves the system's instance, and daemon is as whom sysgd runs.
	system bool
	daemon account
}

// parseOptions reads "--name value" and "--name=value", and "--system".
func parseOptions(args []string) (options, error) {
	o := options{containment: "auto", launchTimeout: 10 * time.Second}
	for len(args) > 0 {
		name, value, inline := strings.Cut(args[0], "=")
		args = args[1:]
		if name == "--system" && !inline {
			o.system = true
			continue
		}
		if !inline {
			if len(args) == 0 {
				return o, fmt.Errorf("%q needs a value\n%s", name, usage)
			}
			value, args = args[0], args[1:]
		}
		if err := o.set(name, value); err != nil {
			return o, err
		}
	}
	if o.state == "" {
		if err := o.setDefaultState(); err != nil {
			return o, err
		}
	}
	return o, o.checkSystem()
}

// checkSystem completes the options of the system's helper, and refuses what
// would take from what it holds.
func (o *options) checkSystem() (err error) {
	switch {
	case !o.system && o.daemon != account{}:
		return errors.New("--daemon-uid is for --system")
	case !o.system:
		return nil
	case os.Geteuid() != 0:
		return errors.New("--system is for root")
	case o.containment == "session":
		return errors.New("--containment session is not for --system: only cgroups tell services from everybody else")
	}
	o.containment = "cgroup"
	if o.daemon == (account{}) {
		o.daemon, err = findDaemon(passwdPath)
	}
	return err
}

func (o *options) set(name, value string) (err error) {
	switch name {
	case "--state":
		o.state, err = filepath.Abs(value)
	case "--daemon-uid":
		o.daemon.uid, err = parseID(value)
		o.daemon.gid = o.daemon.uid
	case "--services-unit":
		o.unit = value
	case "--containment":
		o.containment = value
		if value != "auto" && value != "cgroup" && value != "session" {
			err = fmt.Errorf("--containment is %q, not auto, cgroup or session", value)
		}
	case "--launch-timeout":
		o.launchTimeout, err = time.ParseDuration(value)
		if err == nil && o.launchTimeout <= 0 {
			err = fmt.Errorf("--launch-timeout is %s", value)
		}
	default:
		err = fmt.Errorf("unknown option %q\n%s", name, usage)
	}
	return err
}

// setDefaultState is the system's state directory, or the user's.
func (o *options) setDefaultState() error {
	if o.system {
		o.state = paths.SystemState
		return nil
	}
	state, err := paths.State(os.Getenv)
	if err != nil {
		return fmt.Errorf("%w; use --state", err)
	}
	o.state = state
	return nil
}
