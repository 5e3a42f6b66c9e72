package sys

import "golang.org/x/sys/unix"

// PidfdGet copies a descriptor out of another process (pidfd_getfd(2), Linux
// 5.6). It is granted to whoever may attach a debugger (ptrace(2),
// PTRACE_MODE_ATTACH_REALCREDS): to the same user, unless the process has made
// itself undumpable, or Yama (ptrace_scope 1 or more) allows it to ancestors
// alone. The copy is close-on-exec.
func PidfdGet(pidfd, fd int) (int, error) {
	return retryValue("pidfd_getfd", func() (int, error) { return unix.PidfdGetfd(pidfd, fd, 0) })
}
