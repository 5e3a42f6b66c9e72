package sys

import "golang.org/x/sys/unix"

// PeekPidfd is WaitPidfd without the reaping: the child stays a zombie, and
// its number stays taken, until WaitPidfd.
func PeekPidfd(pidfd int) (status uint32, usage Usage, exited bool, err error) {
	return wait(unix.P_PIDFD, pidfd, unix.WNOWAIT)
}
