package sys

import "golang.org/x/sys/unix"

// UnblockSignals lets the calling thread receive every signal. What it starts
// inherits that, and not the mask that this program was started with. The
// caller has locked its goroutine to the thread.
func UnblockSignals() error {
	var none unix.Sigset_t
	return retry("rt_sigprocmask", func() error { return unix.PthreadSigmask(unix.SIG_SETMASK, &none, nil) })
}
