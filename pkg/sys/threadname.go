package sys

import (
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// SetThreadName names the calling thread; on the main thread that is the
// process's name in /proc/PID/comm until the next execve. The kernel keeps 15
// bytes. It is for people and cannot fail in a way that matters.
func SetThreadName(name string) {
	text := append([]byte(name), 0)
	_ = unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&text[0])), 0, 0, 0)
	runtime.KeepAlive(text)
}

// NoNewPrivileges makes sure that no execve of the calling thread, nor of its
// children, gives more than it has: no setuid bit counts, no file capability.
// It cannot be undone. See PR_SET_NO_NEW_PRIVS in prctl(2), Linux 3.5.
func NoNewPrivileges() error {
	return os.NewSyscallError("prctl PR_SET_NO_NEW_PRIVS", unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
}
