package sys

import "golang.org/x/sys/unix"

// Poll waits until one of fds has what it is asked for, at most timeout
// milliseconds, for ever with -1, and returns how many have (poll(2)). Go's
// scheduler signals its own threads, so that the call is interrupted often;
// then the time begins anew.
func Poll(fds []unix.PollFd, timeout int) (int, error) {
	return retryValue("poll", func() (int, error) { return unix.Poll(fds, timeout) })
}
