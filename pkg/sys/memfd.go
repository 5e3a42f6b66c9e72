package sys

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// allSeals make a memfd a value: nobody, the maker included, can change its
// content or its size any more.
const allSeals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE

// SealedMemfd makes an anonymous file in memory that holds content for good.
// The name is only for people who look into /proc.
func SealedMemfd(name string, content []byte) (int, error) {
	fd, err := memfd(name)
	if err != nil {
		return -1, err
	}
	if err := fill(fd, content); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func memfd(name string) (int, error) {
	flags := unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	create := func(flags int) (int, error) {
		return retryValue("memfd_create", func() (int, error) { return unix.MemfdCreate(name, flags) })
	}
	// vm.memfd_noexec=2 refuses a memfd that could be executed; kernels before
	// 6.3 do not know the flag that says it cannot.
	fd, err := create(flags | unix.MFD_NOEXEC_SEAL)
	if err != nil {
		return create(flags)
	}
	return fd, nil
}

func fill(fd int, content []byte) error {
	for len(content) > 0 {
		n, err := retryValue("write", func() (int, error) { return unix.Write(fd, content) })
		if err != nil {
			return err
		}
		content = content[n:]
	}
	_, err := retryValue("fcntl F_ADD_SEALS", func() (int, error) {
		return unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, allSeals)
	})
	return err
}

// ReadSealed reads all of a memfd from a peer. It refuses anything that is not
// one with all four seals, since its sender could change it while it is read,
// or make the reader wait (a FIFO, a file on FUSE), and anything larger than
// limit. The file offset, which the sender shares, is neither used nor moved.
func ReadSealed(fd, limit int) ([]byte, error) {
	seals, err := retryValue("fcntl F_GET_SEALS", func() (int, error) {
		return unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	})
	if err != nil {
		return nil, fmt.Errorf("not a memfd: %w", err)
	}
	if seals&allSeals != allSeals {
		return nil, fmt.Errorf("memfd lacks seals: it has %#x of %#x", seals&allSeals, allSeals)
	}
	var stat unix.Stat_t
	if err := retry("fstat", func() error { return unix.Fstat(fd, &stat) }); err != nil {
		return nil, err
	}
	if stat.Size > int64(limit) {
		return nil, fmt.Errorf("memfd too large: %d bytes, limit %d", stat.Size, limit)
	}
	content := make([]byte, stat.Size)
	return content, preadFull(fd, content)
}

func preadFull(fd int, content []byte) error {
	for done := 0; done < len(content); {
		n, err := retryValue("pread", func() (int, error) { return unix.Pread(fd, content[done:], int64(done)) })
		if err != nil {
			return err
		}
		if n == 0 {
			return os.NewSyscallError("pread", io.ErrUnexpectedEOF)
		}
		done += n
	}
	return nil
}
