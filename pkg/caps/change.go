package caps

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Bound takes all but keep from the bounding set. It needs CAP_SETPCAP in the
// effective set, so it comes before anything that empties that.
//
// What is to be kept must be there: what is out of the bounding set of this
// process no process below it can have, and a number that the kernel does not
// know names nothing.
func Bound(keep Set) error {
	left := keep
	for n := 0; n < 64; n++ {
		bound, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(n), 0, 0, 0)
		if err == unix.EINVAL {
			break // The kernel has no more.
		}
		if err != nil {
			return os.NewSyscallError("prctl PR_CAPBSET_READ", err)
		}
		switch {
		case keep.Has(n) && bound == 0:
			return fmt.Errorf("cannot keep %s: sysg-exec is not allowed it itself (its bounding set is without): %w", Name(n), unix.EPERM)
		case !keep.Has(n) && bound == 1:
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(n), 0, 0, 0); err != nil {
				return fmt.Errorf("cannot take %s from the bounding set: %w", Name(n), err)
			}
		}
		left &^= 1 << n
	}
	if left != 0 {
		return fmt.Errorf("cannot keep %s: this kernel does not know it: %w", left, unix.EINVAL)
	}
	return nil
}

// KeepOverUser keeps the permitted set over the change from user 0 to another,
// which empties it otherwise (PR_SET_KEEPCAPS). The execve ends that.
func KeepOverUser() error {
	return os.NewSyscallError("prctl PR_SET_KEEPCAPS", unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0))
}

// NoRoot are SECBIT_NOROOT and its lock of linux/securebits.h.
const NoRoot = 1<<0 | 1<<1

// LockNoRoot makes an execve as user 0, or of a setuid program, give no
// capabilities, now and for all that comes after. It needs CAP_SETPCAP in the
// effective set.
func LockNoRoot() error {
	bits, err := unix.PrctlRetInt(unix.PR_GET_SECUREBITS, 0, 0, 0, 0)
	if err == nil {
		err = unix.Prctl(unix.PR_SET_SECUREBITS, uintptr(bits|NoRoot), 0, 0, 0)
	}
	return os.NewSyscallError("prctl PR_SET_SECUREBITS", err)
}

// NoRootLocked says whether that is so.
func NoRootLocked() (bool, error) {
	bits, err := unix.PrctlRetInt(unix.PR_GET_SECUREBITS, 0, 0, 0, 0)
	return bits&NoRoot == NoRoot, os.NewSyscallError("prctl PR_GET_SECUREBITS", err)
}

// Only makes list the whole of permitted, effective, inheritable and ambient.
// The ambient set is emptied first: it may have brought the thread here, and
// only what is both permitted and inheritable can be in it (Linux 4.3).
func Only(list Set) error {
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot clear the ambient capabilities: %w", err)
	}
	if err := put(list, list, list); err != nil {
		return fmt.Errorf("cannot keep the capabilities %s: %w", list, err)
	}
	for n := 0; n < 64; n++ {
		if !list.Has(n) {
			continue
		}
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(n), 0, 0); err != nil {
			return fmt.Errorf("cannot make %s ambient: %w", Name(n), err)
		}
	}
	return nil
}

// InheritNothing empties the inheritable and the ambient set, and leaves the
// thread what it has itself.
func InheritNothing() error {
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot clear the ambient capabilities: %w", err)
	}
	sets, err := get()
	if err != nil {
		return err
	}
	permitted, effective, _ := sets.sets()
	return put(permitted, effective, 0)
}
