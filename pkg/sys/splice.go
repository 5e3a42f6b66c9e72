package sys

import "golang.org/x/sys/unix"

// Splice moves up to most bytes from a pipe into a file at offset, without
// waiting: ErrWouldBlock says that the pipe is empty, 0 bytes that it is at its
// end. What leaves the pipe is in the file and nothing else is, even where the
// caller is killed meanwhile: the kernel takes out of the pipe, before it returns,
// as much as the file took (splice(2); iter_file_splice_write in fs/splice.c).
// So a file that nobody else writes to tells by its size how much was moved. It
// must not be open with O_APPEND.
func Splice(pipeFD, fileFD int, offset int64, most int) (int, error) {
	return retryValue("splice", func() (int, error) {
		at := offset
		n, err := unix.Splice(pipeFD, nil, fileFD, &at, most, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		return int(n), err
	})
}

// Buffered is how many bytes a pipe holds.
func Buffered(pipeFD int) (int, error) {
	return retryValue("ioctl FIONREAD", func() (int, error) { return unix.IoctlGetInt(pipeFD, unix.TIOCINQ) })
}

// PunchHole gives back the room of a file's first bytes. The offsets of what
// follows stay. Some file systems cannot.
func PunchHole(fd int, length int64) error {
	return retry("fallocate", func() error {
		return unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, length)
	})
}

// Identity is a file's inode number, which is its own as long as it is open or
// has a name, and its size.
func Identity(fd int) (inode uint64, size int64, err error) {
	var stat unix.Stat_t
	err = retry("fstat", func() error { return unix.Fstat(fd, &stat) })
	return stat.Ino, stat.Size, err
}
