package main

import (
	"fmt"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/confine"
	"systemg.org/sysg/pkg/sys"
)

// serve makes a helper and runs it until a Quit.
func serve(o options) error {
	listener, err := takeListener()
	if err != nil {
		return err
	}
	// One for the loop, one for a launcher, which holds it while it forks.
	runtime.GOMAXPROCS(2)
	holdCollector()
	unix.Umask(confine.HelperUmask)
	if unix.Geteuid() == 0 {
		// What it forks is a copy of it that becomes a service's user, or enters a
		// user namespace, before its execve. That copy is as little dumpable.
		if err := protect(); err != nil {
			return err
		}
	}
	signals := catchSignals()
	if err := sys.DefaultLibcSignals(); err != nil {
		return err
	}

	if err := makeState(o); err != nil {
		return err
	}
	lock, err := sys.LockProcess(filepath.Join(o.state, "exec.lock"))
	if err != nil {
		return fmt.Errorf("cannot serve %q: %w", o.state, err)
	}
	// Not held by a child that hangs before its execve and outlives us.
	// Never closed by us: who gets the lock may rely on our being gone.
	defer runtime.KeepAlive(lock)

	h, err := newHelper(o, listener)
	if err != nil {
		return err
	}
	if err := h.checkRuntime(); err != nil {
		return err
	}
	if err := h.loadCookies(); err != nil {
		return err
	}
	h.openCustody()
	if err := h.adopt(); err != nil {
		return err
	}
	h.openSpawn()
	if err := h.heedReload(signals); err != nil {
		return err
	}
	if err := h.manager.tell("READY=1"); err != nil {
		return err
	}
	err = h.run()
	// Who is in the queue still goes with the connections that there are: for one
	// that waits, systemd would start us again.
	h.accept()
	_ = h.manager.tell("STOPPING=1")
	// The end of a process lets go of its locks first and of its sockets a
	// moment later; whoever gets the lock shall find nobody who listens.
	_ = unix.Close(listener)
	return err
}
