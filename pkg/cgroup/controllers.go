package cgroup

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Enable lets the directories below d have these controllers. It fails where d
// has processes of its own, since a cgroup2 other than the root either has
// processes or gives controllers on (EBUSY, "no internal processes" in
// Documentation/admin-guide/cgroup-v2.rst), and where d lacks one itself.
//
// What is enabled already is not written again: that would wait for cgroups
// which are on their way out.
func (d *Dir) Enable(controllers []string) error {
	enabled, err := d.words("cgroup.subtree_control")
	if err != nil {
		return err
	}
	for _, name := range controllers {
		if slices.Contains(enabled, name) {
			continue
		}
		if err := d.Write("cgroup.subtree_control", "+"+name); err != nil {
			return &ControllerError{Controller: name, Path: d.path, Err: err}
		}
	}
	return nil
}

// Available are the controllers that d has, and could give on.
func (d *Dir) Available() ([]string, error) { return d.words("cgroup.controllers") }

func (d *Dir) words(file string) ([]string, error) {
	text, err := d.read(file)
	return strings.Fields(text), err
}

// ControllerError is a controller that a directory cannot give on.
type ControllerError struct {
	Controller string
	Path       string
	Err        error
}

func (e *ControllerError) Error() string {
	why := e.Err.Error()
	switch {
	case errors.Is(e.Err, unix.ENOENT) || errors.Is(e.Err, unix.EINVAL):
		// Not in cgroup.controllers: bound to a version 1 hierarchy or not
		// delegated (ENOENT), unknown to this kernel or disabled (EINVAL).
		why = "it does not have it: the kernel lacks it, cgroup version 1 has it, or it is not delegated"
	case errors.Is(e.Err, unix.EBUSY):
		why = "it has processes of its own"
	}
	return fmt.Sprintf("cgroup %q cannot give the controller %s on: %s", "/"+e.Path, e.Controller, why)
}

func (e *ControllerError) Unwrap() error { return e.Err }
