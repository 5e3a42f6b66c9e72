package sys

import "golang.org/x/sys/unix"

// BlockSignals has the signals of the calling thread wait, and of what it becomes
// by execve(2): all threads of a Go program begin with the mask that it was started
// with, but for the few signals that its runtime does not leave blocked.
func BlockSignals() error {
	var all unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	return retry("rt_sigprocmask", func() error { return unix.PthreadSigmask(unix.SIG_SETMASK, &all, nil) })
}

// UnblockSignals lets the calling thread receive every signal. What it starts
// inherits that, and not the mask that this program was started with. The
// caller has locked its goroutine to the thread.
func UnblockSignals() error {
	var none unix.Sigset_t
	return retry("rt_sigprocmask", func() error { return unix.PthreadSigmask(unix.SIG_SETMASK, &none, nil) })
}
