package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

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
	// A hang-up or Ctrl-C is not for us, and neither is the end of whoever
	// reads our standard error. It is caught, not ignored, since a
	// child inherits what is ignored (execve(2)), and services get defaults.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGINT, syscall.SIGPIPE)
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
	if err := h.adopt(); err != nil {
		return err
	}
	h.openSpawn()
	if err := notifyReady(); err != nil {
		return err
	}
	err = h.run()
	// Who is in the queue still goes with the connections that there are: for one
	// that waits, systemd would start us again.
	h.accept()
	// The end of a process lets go of its locks first and of its sockets a
	// moment later; whoever gets the lock shall find nobody who listens.
	_ = unix.Close(listener)
	return err
}
