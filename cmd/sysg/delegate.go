package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"systemg.org/sysg/pkg/cgroup"
)

// The cgroup of a login is root's, so that a user's daemons, started from it,
// could hold services by their sessions only. But systemd makes a scope of its
// user's for whoever asks, and delegates the cgroup of that (systemd.scope(5),
// "Control Group APIs and Delegation" of systemd). So the daemons begin there.

// scope is what to start a daemon with so that it has a cgroup to divide; nil
// where it has one already, or where none can be had.
func (i *instance) scope() []string {
	if i.system || divisible() {
		return nil
	}
	// Where this user's systemd listens.
	if _, err := os.Stat(filepath.Join(i.env("XDG_RUNTIME_DIR"), "systemd", "private")); err != nil {
		return nil
	}
	program, err := exec.LookPath("systemd-run")
	if err != nil {
		return nil
	}
	// In place of itself, so that the pid stays, and descriptors and environment
	// are passed on.
	scope := []string{program, "--user", "--scope", "--quiet", "--property=Delegate=yes", "--description=sysg, started by a command", "--"}
	// It refuses before it has become the daemon, when nobody would wait for that.
	attempt := slices.Concat(scope[1:], []string{"true"})
	if err := exec.Command(program, attempt...).Run(); err != nil {
		return nil
	}
	return scope
}

// divisible says whether our own cgroup can be divided among services.
func divisible() bool {
	_, own, err := cgroup.OpenOwn()
	if err != nil {
		return false
	}
	defer own.Close()
	return own.CanMove() == nil
}
