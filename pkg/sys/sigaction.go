package sys

import (
	"os"
	"syscall"
	"unsafe"
)

// DefaultLibcSignals gives the signals 32 to 34 back their default action. Go's
// runtime leaves them alone because glibc uses them; and glibc's posix_spawn(3)
// leaves 32 ignored in what it starts, as make's children can tell. What is
// ignored stays so over fork and execve(2), so that a supervisor would pass it
// on to all of its services.
func DefaultLibcSignals() error {
	// struct kernel_sigaction: handler, flags, restorer, mask; all 0 is SIG_DFL.
	// On architectures without a restorer the kernel reads less of it.
	var action [4]uintptr
	for signal := uintptr(32); signal <= 34; signal++ {
		_, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, signal, uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
		if errno != 0 {
			return os.NewSyscallError("rt_sigaction", errno)
		}
	}
	return nil
}
