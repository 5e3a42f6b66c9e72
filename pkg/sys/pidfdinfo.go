package sys

import (
	"errors"

	"golang.org/x/sys/unix"
)

// ExitOfStranger is the raw wait status of a process that is no child of ours,
// and was opened while it lived. It is known once its parent has reaped it,
// which hangs the pidfd up. supported is false where the kernel never tells
// (before Linux 6.15).
func ExitOfStranger(pidfd int) (status uint32, known, supported bool, err error) {
	info := unix.PidfdInfo{Mask: unix.PIDFD_INFO_EXIT}
	err = retry("ioctl PIDFD_GET_INFO", func() error { return unix.IoctlPidfdInfo(pidfd, &info) })
	switch {
	case err == nil:
		known = info.Mask&unix.PIDFD_INFO_EXIT != 0
		return uint32(info.Exit_code), known, true, nil
	case errors.Is(err, unix.ENOTTY), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ESRCH):
		// No such call before Linux 6.13, a smaller structure, or a process
		// reaped by a kernel that keeps nothing of it.
		return 0, false, false, nil
	}
	return 0, false, false, err
}
