package sys

import (
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
