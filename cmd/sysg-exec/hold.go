package main

import (
	"fmt"
	"os"
	"path"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/cgroup"
)

// holderLeaf is the leaf by which a services unit is known.
const holderLeaf = "holder"

// hold is the main process of sysg-services.service. It moves out of the
// unit's cgroup into a leaf of its own, so that controllers can be enabled
// there, and waits for a signal. While it lives, systemd keeps the cgroup.
func hold() error {
	mount, err := cgroup.FindMount()
	if err != nil {
		return err
	}
	own, err := cgroup.Own()
	if err != nil {
		return err
	}
	below, seen := mount.Below(own)
	if !seen {
		return fmt.Errorf("cgroup %q is not below the mount %q", own, mount.Point)
	}
	// systemd may have put it there already (DelegateSubgroup).
	if path.Base(below) != holderLeaf {
		if err := moveIntoLeaf(mount, below); err != nil {
			return err
		}
	}
	systemd := newManager()
	if err := systemd.tell("READY=1"); err != nil {
		return err
	}
	for {
		_ = unix.Pause()
	}
}

func moveIntoLeaf(mount cgroup.Mount, below string) error {
	unit, err := cgroup.Open(mount, below)
	if err != nil {
		return err
	}
	defer unit.Close()
	leaf, err := unit.Ensure(holderLeaf)
	if err != nil {
		return err
	}
	defer leaf.Close()
	return leaf.Write("cgroup.procs", fmt.Sprint(os.Getpid()))
}
