package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"systemg.org/sysg/pkg/sys"
)

// makeState makes the state directory. The system's is open to look at, since
// sysgd has its own folder in it, and what holds secrets is closed by itself:
//
//	<state>              root       0755
//	<state>/generations  root:sysgd 0750  launch parts in it root 0600
//	<state>/incarnations root       0700
//
// All above it, it and these must be root's alone: then nobody else can put
// anything in the place of what is opened there, however often it is opened.
func makeState(o options) error {
	if !o.system {
		if err := os.MkdirAll(o.state, 0o700); err != nil {
			return fmt.Errorf("cannot make the state directory: %w", err)
		}
		return nil
	}
	state, err := makeTrusted(o.state)
	if err != nil {
		return fmt.Errorf("cannot use the state directory: %w", err)
	}
	defer state.Close()
	for name, access := range map[string]sys.Access{
		"generations":  {Mode: 0o750, Group: o.daemon.gid},
		"incarnations": {Mode: 0o700},
	} {
		child, _, err := state.Make(name, access)
		if err == nil {
			// One that was there before may be of another account's.
			err = child.Allow(access)
			child.Close()
		}
		if err != nil {
			return fmt.Errorf("cannot use the state directory: %w", err)
		}
	}
	return nil
}

// makeTrusted opens a directory that is root's alone, and makes it where it is
// missing.
func makeTrusted(path string) (*sys.Folder, error) {
	folder, err := sys.OpenTrustedFolder(path)
	if !errors.Is(err, os.ErrNotExist) {
		return folder, err
	}
	parent, err := sys.OpenTrustedFolder(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	folder, _, err = parent.Make(filepath.Base(path), sys.Access{Mode: 0o755})
	return folder, err
}

// checkRuntime refuses a directory of sockets in which somebody else than root
// can exchange them.
func (h *helper) checkRuntime() error {
	if !h.options.system {
		return nil
	}
	folder, err := makeTrusted(h.runtime)
	if err != nil {
		return fmt.Errorf("cannot use the directory of sockets: %w", err)
	}
	defer folder.Close()
	notify, _, err := folder.Make("notify", sys.Access{Mode: 0o711})
	if err != nil {
		return fmt.Errorf("cannot make the folder of notify sockets: %w", err)
	}
	notify.Close()
	return nil
}
