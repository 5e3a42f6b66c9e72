package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// ReadSmall reads a file that fits into buf with one read(2), as those of /proc
// and cgroups do. os.ReadFile costs seven more calls, for the sake of files
// that can block, and this is on the path of every launch. A file that does not
// fit is cut.
func ReadSmall(path string, buf []byte) ([]byte, error) {
	fd, err := retryValue("open", func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	n, err := retryValue("read", func() (int, error) { return unix.Read(fd, buf) })
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: path, Err: err}
	}
	return buf[:n], nil
}
