package confine

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// instructionSize is that of struct sock_filter.
const instructionSize = 8

// seccompSteps install the filter that sysg compiled. They come last: what is
// left until the execve must be within any filter, and is (pkg/seccomp lists
// it as what no manifest can deny).
//
// The Go runtime must be within it, too. A collection ends with epoll_pwait, and
// a heap that grows maps memory and gives it a name by prctl, which lists of the
// manifest's own may forbid. With such a list all the memory that execute needs is taken
// before, and nothing is collected after. The profiles allow both.
func seccompSteps(l *Launch) []Step {
	if !l.filtered() {
		return nil
	}
	s := l.Confinement.Seccomp
	return []Step{{
		spec.StageSeccomp, fmt.Sprintf("seccomp profile %s, %d instructions", s.Name, len(s.Filter)/instructionSize),
		inKey("seccomp", func() error {
			if l.ownFilter() {
				takeMemory(l.Argv, l.Env)
			}
			return installFilter(s)
		}),
	}}
}

// ownFilter says whether the filter is of lists of the manifest's own.
func (l *Launch) ownFilter() bool {
	return l.filtered() && l.Confinement.Seccomp.Name == "custom"
}

func (l *Launch) filtered() bool { return l.Confinement != nil && l.Confinement.Seccomp != nil }

// installFilter hands the filter to the kernel, for this thread: it is the one
// that survives the execve, so that the others need no TSYNC. The kernel asks
// for no_new_privs, which a manifest with seccomp implies, and checks that every
// path through the filter ends. There is no way back, and success is the
// kernel's word that it holds (seccomp(2), Linux 3.17).
func installFilter(s *generation.Seccomp) error {
	count := len(s.Filter) / instructionSize
	if count == 0 || len(s.Filter)%instructionSize != 0 || count > unix.BPF_MAXINSNS {
		return fmt.Errorf("cannot install seccomp profile %s: its filter of %d bytes is malformed", s.Name, len(s.Filter))
	}
	// A []byte may stand anywhere; the kernel copies, and takes any address.
	program := unix.SockFprog{Len: uint16(count), Filter: (*unix.SockFilter)(unsafe.Pointer(&s.Filter[0]))}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program)))
	runtime.KeepAlive(s)
	if errno != 0 {
		return fmt.Errorf("cannot install seccomp profile %s: %w", s.Name, os.NewSyscallError("seccomp", errno))
	}
	return nil
}
