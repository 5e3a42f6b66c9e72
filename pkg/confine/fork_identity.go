package confine

import (
	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/caps"
	"systemg.org/sysg/pkg/generation"
)

// joinUser is the service's user first, as root's files are root's in every user
// namespace, and a service that may trace could reach into this process there. Then
// it enters the namespace, where the kernel gives it all capabilities.
func (f *fork) joinUser(id *generation.Identity, joinFD int) error {
	join, err := f.copied(joinFD)
	if err != nil {
		return err
	}
	f.call("keep capabilities", unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 1)
	f.becomeUser(id)
	// To trace, because setns by pidfd asks whether we may look at the process.
	f.capabilities(1<<unix.CAP_SYS_ADMIN|1<<unix.CAP_SYS_PTRACE, 0)
	f.call("enter the service's user namespace", unix.SYS_SETNS, join, unix.CLONE_NEWUSER)
	return nil
}

// becomeUser has the process be a user's.
func (f *fork) becomeUser(id *generation.Identity) {
	var groups uintptr // With none the kernel does not read it.
	if len(id.Groups) > 0 {
		groups = pointer(f, &id.Groups[0])
	}
	f.call("set supplementary groups", unix.SYS_SETGROUPS, uintptr(len(id.Groups)), groups)
	f.call("become the group", unix.SYS_SETRESGID, uintptr(id.GID), uintptr(id.GID), uintptr(id.GID))
	f.call("become the user", unix.SYS_SETRESUID, uintptr(id.UID), uintptr(id.UID), uintptr(id.UID))
}

// capabilities sets the permitted set, which is the effective one too, and the
// inheritable one.
func (f *fork) capabilities(permitted, inheritable caps.Set) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := caps.DataOf(permitted, permitted, inheritable)
	f.call("set capabilities", unix.SYS_CAPSET, pointer(f, &header), pointer(f, &data))
}

// keepAll has all capabilities in a user namespace outlive the execve: who is not
// mapped to user 0 there keeps only ambient ones. The ids' stages take them away.
func (f *fork) keepAll() {
	all := caps.Known()
	f.capabilities(all, all)
	f.each(all, "make capabilities ambient", unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE)
}

// dropAll leaves the process, and what it becomes, no capability.
func (f *fork) dropAll(id *generation.Identity) {
	f.each(caps.Known(), "empty the bounding set", unix.PR_CAPBSET_DROP)
	f.call("have user 0 get no capabilities", unix.SYS_PRCTL, unix.PR_SET_SECUREBITS, caps.NoRoot)
	f.becomeUser(id)
	f.call("clear the ambient capabilities", unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL)
	f.capabilities(0, 0)
	f.call("have no new privileges", unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1)
}

// each takes a call of prctl(2) for each capability, which is the last argument.
func (f *fork) each(set caps.Set, does string, args ...uintptr) {
	for number := range 64 {
		if set.Has(number) {
			f.call(does, unix.SYS_PRCTL, append(args, uintptr(number))...)
		}
	}
}
