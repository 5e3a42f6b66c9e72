package sys

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Folder is a directory held open. What is done in it is done by single names,
// through no link, so that it cannot be led anywhere else. Close gives it back.
//
// With Trusted, all that is read in it must be root's, and not to be written by
// others.
type Folder struct {
	fd      int
	trusted bool
}

// OpenFolder opens a directory, wherever its path leads to.
func OpenFolder(path string) (*Folder, error) {
	fd, err := retryValue("open", func() (int, error) {
		return unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, fmt.Errorf("cannot open %q: %w", path, err)
	}
	return &Folder{fd: fd}, nil
}

// OpenTrustedFolder opens one that is root's alone; see OpenTrusted.
func OpenTrustedFolder(path string) (*Folder, error) {
	fd, err := OpenTrusted(path)
	if err != nil {
		return nil, err
	}
	return &Folder{fd: fd, trusted: true}, nil
}

// Close gives the descriptor back.
func (f *Folder) Close() { _ = unix.Close(f.fd) }

// Folder opens the directory of this name.
func (f *Folder) Folder(name string) (*Folder, error) {
	fd, err := openBeneath(f.fd, name, dirFlags)
	if err == nil && f.trusted {
		if err = trustedDir(fd, true); err != nil {
			_ = unix.Close(fd)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open %q: %w", name, err)
	}
	return &Folder{fd: fd, trusted: f.trusted}, nil
}

// Access is who may do what with something that is made: its mode, and a group
// other than the maker's, 0 for none.
type Access struct {
	Mode  uint32
	Group uint32
}

// Make opens the directory of this name, and makes it, with just this access,
// where it is missing. made says that it did.
func (f *Folder) Make(name string, access Access) (child *Folder, made bool, err error) {
	err = unix.Mkdirat(f.fd, name, 0o700)
	if made = err == nil; err != nil && err != unix.EEXIST {
		return nil, false, fmt.Errorf("cannot make directory %q: %w", name, os.NewSyscallError("mkdirat", err))
	}
	if child, err = f.Folder(name); err == nil && made {
		err = access.apply(child.fd)
	}
	return child, made, err
}

// Allow gives the folder itself this access.
func (f *Folder) Allow(access Access) error { return access.apply(f.fd) }

func (a Access) apply(fd int) error {
	if a.Group != 0 {
		if err := unix.Fchown(fd, -1, int(a.Group)); err != nil {
			return os.NewSyscallError("fchown", err)
		}
	}
	return os.NewSyscallError("fchmod", unix.Fchmod(fd, a.Mode))
}

// Read reads a regular file of at most limit bytes. It waits for no FIFO.
func (f *Folder) Read(name string, limit int64) ([]byte, error) {
	fd, err := openBeneath(f.fd, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil, fmt.Errorf("cannot open %q: %w", name, err)
	}
	file := os.NewFile(uintptr(fd), name)
	defer file.Close()
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, os.NewSyscallError("fstat", err)
	}
	switch {
	case stat.Mode&unix.S_IFMT != unix.S_IFREG || stat.Size > limit:
		return nil, fmt.Errorf("%q is not a file of at most %d bytes", name, limit)
	case f.trusted && (stat.Uid != 0 || stat.Mode&0o022 != 0):
		return nil, fmt.Errorf("cannot trust %q, of uid %d and mode %04o: %w", name, stat.Uid, stat.Mode&0o7777, ErrNotTrusted)
	}
	text := make([]byte, stat.Size)
	_, err = io.ReadFull(file, text)
	return text, err
}

// Write makes name a file with this content, as WriteFileAtomic does.
func (f *Folder) Write(name string, content []byte, access Access) error {
	if err := f.replace(name, content, access); err != nil {
		return fmt.Errorf("cannot write %q: %w", name, err)
	}
	return nil
}

func (f *Folder) replace(name string, content []byte, access Access) error {
	id, err := RandomID()
	if err != nil {
		return err
	}
	temporary := TempPrefix + id
	fd, err := retryValue("openat", func() (int, error) {
		return unix.Openat(f.fd, temporary, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	})
	if err != nil {
		return err
	}
	err = writeAll(os.NewFile(uintptr(fd), name), content, access)
	if err == nil {
		err = os.NewSyscallError("renameat", unix.Renameat(f.fd, temporary, f.fd, name))
	}
	if err != nil {
		_ = unix.Unlinkat(f.fd, temporary, 0)
		return err
	}
	// The rename is an entry in the folder, which has to reach the disk too.
	return f.Sync()
}

// writeAll fills, syncs and closes file. Nobody else may read it before all of
// it is there.
func writeAll(file *os.File, content []byte, access Access) error {
	_, err := file.Write(content)
	if err == nil {
		err = access.apply(int(file.Fd()))
	}
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}

// Remove removes a file.
func (f *Folder) Remove(name string) error { return f.unlink(name, 0) }

// RemoveFolder removes a directory and the files in it; others stay, and make
// it an error.
func (f *Folder) RemoveFolder(name string) error {
	child, err := f.Folder(name)
	if err != nil {
		return err
	}
	defer child.Close()
	names, err := child.Names()
	if err != nil {
		return err
	}
	for _, file := range names {
		if err := child.Remove(file); err != nil {
			return err
		}
	}
	return f.unlink(name, unix.AT_REMOVEDIR)
}

func (f *Folder) unlink(name string, flags int) error {
	if err := unix.Unlinkat(f.fd, name, flags); err != nil {
		return fmt.Errorf("cannot remove %q: %w", name, os.NewSyscallError("unlinkat", err))
	}
	return nil
}

// Names lists what is in it.
func (f *Folder) Names() ([]string, error) {
	// A descriptor of its own: the position of f's would stay at the end.
	fd, err := retryValue("openat", func() (int, error) { return unix.Openat(f.fd, ".", dirFlags, 0) })
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), strconv.Itoa(f.fd))
	defer file.Close()
	return file.Readdirnames(-1)
}

// Stat tells the size of a file, and when it was written.
func (f *Folder) Stat(name string) (size int64, written time.Time, err error) {
	var stat unix.Stat_t
	if err := unix.Fstatat(f.fd, name, &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return 0, time.Time{}, fmt.Errorf("cannot look at %q: %w", name, os.NewSyscallError("fstatat", err))
	}
	return stat.Size, time.Unix(stat.Mtim.Unix()), nil
}

// Sync writes the names in it to disk (fsync(2)).
func (f *Folder) Sync() error { return os.NewSyscallError("fsync", unix.Fsync(f.fd)) }
