package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// Each main incarnation of a service with a notify socket (sd_notify(3)) has
// one of its own, so that a message is known by where it came, not by a sender
// who may be gone when it is read. We hold a copy of the receiving end: what is
// sent while sysgd is away waits in it.

// notifyPath is short, since a socket's path has to be, and known from the
// incarnation, so that a later helper finds it.
func (h *helper) notifyPath(incarnation string) string {
	return filepath.Join(h.runtime, "notify", incarnation[:16])
}

func (h *helper) makeNotify(inc *incarnation) error {
	path := h.notifyPath(inc.record.Launch.Incarnation)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("cannot make the folder of notify sockets: %w", err)
	}
	fd, err := sys.ListenDatagram(path)
	if err != nil {
		return err
	}
	inc.notifyFD = fd
	return nil
}

// adoptNotify binds the sockets of what still runs anew, since ours are gone
// with the helper that had them: a message finds the path, whoever is behind it.
// What belongs to nobody is removed.
func (h *helper) adoptNotify() {
	dir := filepath.Join(h.runtime, "notify")
	entries, err := os.ReadDir(dir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintf(os.Stderr, "sysg-exec: ignoring: %v\n", err)
		}
		return
	}
	live := map[string]*incarnation{}
	for incarnation, inc := range h.incarnations {
		if inc.record.Launch.Role == spec.RoleMain && inc.record.Exited == nil {
			live[incarnation[:16]] = inc
		}
	}
	for _, entry := range entries {
		_ = unix.Unlink(filepath.Join(dir, entry.Name()))
		if inc := live[entry.Name()]; inc != nil {
			if err := h.makeNotify(inc); err != nil {
				fmt.Fprintf(os.Stderr, "sysg-exec: ignoring: %v\n", err)
			}
		}
	}
}

// unlinkNotify takes the path away, when nobody is left to say anything. What
// was said stays to be read.
func (h *helper) unlinkNotify(inc *incarnation) {
	if inc.notifyFD >= 0 {
		_ = unix.Unlink(h.notifyPath(inc.record.Launch.Incarnation))
	}
}
