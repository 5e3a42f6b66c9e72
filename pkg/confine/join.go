package confine

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// Joins says whether a role enters the namespaces of the process that it runs
// beside, where that lives: what asks a service, or tells it something, must see
// what it sees. The others get new ones of the same kinds.
func Joins(role spec.Role) bool {
	switch role {
	case spec.RoleHealth, spec.RoleLiveness, spec.RoleCandidate, spec.RoleOnStart, spec.RoleOnStop, spec.RoleStop, spec.RoleChild:
		return true
	}
	return false
}

// A process joins in three steps, because each can be done only there:
//
//	pid     by the thread that clones, since only a child is ever in another one
//	user    by the child before its first execve, while it has a single thread
//	others  by the stage itself, after the last path that it uses with privilege
//
// Whatever the service has mounted in its own namespace, /proc for instance, is
// thereby never looked at by a process that could do more than the service.

// enterPID lets the children of this thread be born in another pid namespace
// (setns(2), by pidfd since Linux 5.8).
func enterPID(joinFD int) (back func(), err error) {
	ownFD, err := unix.Open("/proc/self/ns/pid", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open our own pid namespace: %w", err)
	}
	if err := unix.Setns(joinFD, unix.CLONE_NEWPID); err != nil {
		_ = unix.Close(ownFD)
		return nil, fmt.Errorf("cannot enter the service's pid namespace: %w", err)
	}
	return func() {
		if err := unix.Setns(ownFD, unix.CLONE_NEWPID); err != nil {
			// The kernel has no reason to. Were it so, the next service would be
			// born in this one's namespace: better none of this program.
			panic("cannot return to the own pid namespace: " + err.Error())
		}
		_ = unix.Close(ownFD)
	}, nil
}

// joinStep enters the others. A pidfd means the process, which may have ended
// meanwhile (ESRCH), and never another one with its number.
func joinStep(l *Launch) Step {
	flags := namespaceFlags(l.Confinement) &^ (unix.CLONE_NEWPID | unix.CLONE_NEWUSER)
	return Step{spec.StageJoin, "enter the running service's namespaces: " + strings.Join(namespaceNames(l.Confinement), " "), func() error {
		if flags == 0 {
			return nil
		}
		// Only who shares its directory with no other thread may change its mounts.
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return os.NewSyscallError("unshare CLONE_FS", err)
		}
		if err := unix.Setns(l.joinFD, int(flags)); err != nil {
			return fmt.Errorf("cannot enter the namespaces of the running service%s: %w", cloneText(l.Confinement), err)
		}
		return nil
	}}
}

func namespaceNames(c *generation.Confinement) []string {
	var names []string
	for _, n := range namespaces {
		if len(n.keys(c)) > 0 {
			names = append(names, n.file)
		}
	}
	return names
}
