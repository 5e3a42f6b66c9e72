package confine

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/caps"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// identitySteps are the steps of its capabilities and its user, in the one
// order that works:
//
//	bounding set  first, since it takes CAP_SETPCAP, which the next two take away
//	keepcaps      or the change of user empties the permitted set
//	groups, gid   while there is still CAP_SETGID
//	uid           and with it all effective capabilities, but for user 0
//	the sets      last; from here on it is what its program will be
//
// Each reads back what it did: a process that runs as somebody else than it
// was told is worse than one that does not run.
func identitySteps(c *generation.Confinement) []Step {
	id, list := &c.Identity, caps.Set(c.Capabilities)
	return []Step{
		{spec.StageCaps, "bounding set: " + list.String() + noRootText(list), func() error { return bound(list) }},
		{spec.StageIDs, identityText(id), func() error { return take(id) }},
		{spec.StageCapSet, "permitted, inheritable, effective, ambient: " + list.String(), func() error { return only(list) }},
	}
}

func noRootText(list caps.Set) string {
	if list == 0 {
		return ", and none for user 0"
	}
	return ""
}

func identityText(id *generation.Identity) string {
	name := ""
	if id.Name != "" {
		name = fmt.Sprintf(" (%s)", id.Name)
	}
	groups := "none"
	if len(id.Groups) > 0 {
		groups = strings.Trim(fmt.Sprint(id.Groups), "[]")
	}
	return fmt.Sprintf("user %d%s, group %d, supplementary groups %s", id.UID, name, id.GID, groups)
}

func bound(list caps.Set) error {
	err := caps.Bound(list)
	if err == nil && list == 0 {
		// What the bounding set does already, once more and for good.
		return caps.LockNoRoot()
	}
	if err == nil {
		err = caps.KeepOverUser()
	}
	return key("capabilities", err)
}

// key names the key of the manifest that asked for what failed.
func key(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}

// only leaves the listed capabilities, and looks whether it is so.
func only(list caps.Set) error {
	if err := caps.Only(list); err != nil {
		return key("capabilities", err)
	}
	state, err := caps.Own()
	if err != nil {
		return err
	}
	if state != caps.Exactly(list) {
		return fmt.Errorf("capabilities: it has %s, not exactly %s", state, list)
	}
	return nil
}

// take makes this thread the user's. It is always all three calls: none of
// what sysg-exec has may stay. They are raw, since Go's own act on all threads
// of the process, one by one; the others end at the execve.
func take(id *generation.Identity) error {
	if err := setGroups(id.Groups); err != nil {
		return fmt.Errorf("supplementary_groups: cannot set them to %v: %w", id.Groups, err)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, uintptr(id.GID), uintptr(id.GID), uintptr(id.GID)); errno != 0 {
		return fmt.Errorf("group: cannot become group %d: %w", id.GID, errno)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(id.UID), uintptr(id.UID), uintptr(id.UID)); errno != 0 {
		return fmt.Errorf("user: cannot become user %d: %w", id.UID, errno)
	}
	return taken(id)
}

// taken looks whether this thread is the user's.
func taken(id *generation.Identity) error {
	// As 32 bits: these calls return large numbers as negative ones.
	if r, e, s := unix.Getresuid(); uint32(r) != id.UID || uint32(e) != id.UID || uint32(s) != id.UID {
		return fmt.Errorf("user: it is %d, %d and %d, not %d", r, e, s, id.UID)
	}
	if r, e, s := unix.Getresgid(); uint32(r) != id.GID || uint32(e) != id.GID || uint32(s) != id.GID {
		return fmt.Errorf("group: it is %d, %d and %d, not %d", r, e, s, id.GID)
	}
	groups, err := unix.Getgroups()
	if err != nil {
		return os.NewSyscallError("getgroups", err)
	}
	if !sameGroups(groups, id.Groups) {
		return fmt.Errorf("supplementary_groups: they are %v, not %v", groups, id.Groups)
	}
	return nil
}

// sameGroups compares as sets: the kernel sorts them.
func sameGroups[A, B int | uint32](have []A, want []B) bool {
	a, b := make([]int, len(have)), make([]int, len(want))
	for i := range have {
		a[i] = int(have[i])
	}
	for i := range want {
		b[i] = int(want[i])
	}
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

func setGroups(groups []uint32) error {
	// With none the address is that of nothing, which the kernel does not read.
	_, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(unsafe.SliceData(groups))), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func setNoNewPrivs() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return key("no_new_privileges", os.NewSyscallError("prctl PR_SET_NO_NEW_PRIVS", err))
	}
	if set, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err != nil || set != 1 {
		return errors.New("no_new_privileges: it is not set")
	}
	return nil
}
