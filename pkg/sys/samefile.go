package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// kcmpFile is KCMP_FILE of kcmp(2).
const kcmpFile = 0

// SameOpen is SameFile for files.
func SameOpen(a, b *os.File) bool {
	same := false
	rawA, errA := a.SyscallConn()
	rawB, errB := b.SyscallConn()
	if errA != nil || errB != nil {
		return false
	}
	_ = rawA.Control(func(fdA uintptr) {
		_ = rawB.Control(func(fdB uintptr) { same = SameFile(int(fdA), int(fdB)) })
	})
	return same
}

// SameFile says whether two descriptors of this process are copies of one
// another. On a kernel that cannot tell, they are not.
func SameFile(a, b int) bool {
	self := uintptr(os.Getpid())
	order, _, errno := unix.Syscall6(unix.SYS_KCMP, self, self, kcmpFile, uintptr(a), uintptr(b), 0)
	return errno == 0 && order == 0
}
