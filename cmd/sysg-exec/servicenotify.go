package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
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
	if !h.options.system { // There it is made at the start; see checkRuntime.
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("cannot make the folder of notify sockets: %w", err)
		}
	}
	fd, err := sys.ListenDatagram(path)
	if err != nil {
		return err
	}
	inc.notifyFD = fd
	return h.giveNotify(inc, path)
}

// adoptNotify binds the sockets of what still runs anew, as far as they have not
// come back from custody: a message finds the path, whoever is behind it. What
// belongs to nobody is removed.
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
		inc := live[entry.Name()]
		if inc != nil && inc.notifyFD >= 0 {
			continue
		}
		_ = unix.Unlink(filepath.Join(dir, entry.Name()))
		if inc != nil {
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

// giveNotify gives the socket in the system's instance to the service's user,
// who alone may send to it. Its folder is root's, so that the path means what
// has just been made. Whether a sender with that uid is of this service, and
// not of another one of the same user's, is told by its cgroup, as sysgd looks.
func (h *helper) giveNotify(inc *incarnation, path string) error {
	if !h.options.system {
		return nil
	}
	who, err := h.identityOf(inc)
	if err == nil {
		err = os.Lchown(path, int(who.UID), int(who.GID))
	}
	if err != nil {
		return fmt.Errorf("cannot give the notify socket to its service: %w", err)
	}
	return nil
}

// identityOf is as whom an incarnation runs.
func (h *helper) identityOf(inc *incarnation) (generation.Identity, error) {
	service, err := h.launchedFrom(inc)
	if err != nil {
		return generation.Identity{}, err
	}
	return service.Confinement.Identity, nil
}

// launchedFrom is the service of the system's instance that an incarnation was
// launched from, maybe by an earlier helper, and maybe no active one any more.
func (h *helper) launchedFrom(inc *incarnation) (generation.LaunchService, error) {
	service, l := inc.granted.Service, &inc.record.Launch
	if service.Confinement != nil {
		return service, nil
	}
	hash, launch, err := h.store.Load(l.Project, l.Generation)
	if err != nil {
		return generation.LaunchService{}, err
	}
	if service, _ = launch.Service(l.Service); hash != l.Hash || service.Confinement == nil {
		return generation.LaunchService{}, fmt.Errorf("generation %d of project %q is not the one that it was launched from", l.Generation, l.Project)
	}
	return service, nil
}
