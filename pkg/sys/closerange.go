package sys

import "golang.org/x/sys/unix"

// CloseRange closes the descriptors from first to last (Linux 5.9). Give
// ^uint(0) as last for all that follow.
func CloseRange(first, last uint) error {
	return closeRange(first, last, 0)
}

// CloexecRange sets close-on-exec on them instead (Linux 5.11). Unlike
// CloseRange it is safe in a Go program, whose runtime has descriptors of its
// own that nobody else knows of.
func CloexecRange(first, last uint) error {
	return closeRange(first, last, unix.CLOSE_RANGE_CLOEXEC)
}

func closeRange(first, last, flags uint) error {
	return retry("close_range", func() error { return unix.CloseRange(first, last, flags) })
}
