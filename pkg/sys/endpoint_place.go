package sys

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Owner is to whom the file of an endpoint is to belong, where that is not this
// process's own user.
type Owner struct {
	UID, GID uint32
	// As calls do with the owner's access to files, and no more than that.
	As func(do func() error) error
}

// place is where the file of an endpoint is.
type place struct {
	// name is looked up in dirFD, which is AT_FDCWD for a path as it comes.
	dirFD int
	name  string
	uid   uint32
	// gid is given with uid by give, if given is set.
	gid   uint32
	given bool
}

// at finds the place of a path, and calls do for it.
//
// Without an Owner that is as it comes: whoever can change the path is the user
// itself. With one, root acts for somebody, and no link is followed. Where the
// directory is root's alone (OpenTrusted), such as /run, nobody can exchange
// anything under root's hands, so root makes the file and gives it away. Any
// other directory is somebody's, and there all is done with the owner's access:
// whatever it is led to, the owner could have done itself.
func (e Endpoint) at(do func(place) error) error {
	if e.Owner == nil {
		return do(place{dirFD: unix.AT_FDCWD, name: e.Address, uid: uint32(os.Geteuid())})
	}
	if !filepath.IsAbs(e.Address) || filepath.Clean(e.Address) != e.Address {
		return fmt.Errorf("%q is not a plain absolute path: %w", e.Address, unix.EINVAL)
	}
	p := place{name: filepath.Base(e.Address), uid: e.Owner.UID, gid: e.Owner.GID, given: true}
	var err error
	p.dirFD, err = OpenTrusted(filepath.Dir(e.Address))
	if err == nil {
		defer unix.Close(p.dirFD)
		return do(p)
	}
	p.given = false
	return e.Owner.As(func() error {
		p.dirFD, err = openPlain(filepath.Dir(e.Address))
		if err != nil {
			return err
		}
		defer unix.Close(p.dirFD)
		return do(p)
	})
}

// openPlain opens a directory in whose path there is no link (openat2(2), Linux
// 5.6).
func openPlain(path string) (int, error) {
	how := unix.OpenHow{Flags: dirFlags | unix.O_PATH, Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS}
	fd, err := retryValue("openat2", func() (int, error) { return unix.Openat2(unix.AT_FDCWD, path, &how) })
	switch {
	case errors.Is(err, unix.ELOOP):
		return -1, fmt.Errorf("a symbolic link is in the path of directory %q: %w", path, err)
	case errors.Is(err, unix.ENOENT):
		return -1, fmt.Errorf("directory %q does not exist: %w", path, err)
	}
	return fd, err
}

// is says whether something of this kind, and of the owner's, is there.
func (p place) is(kind uint32) bool {
	var stat unix.Stat_t
	return unix.Fstatat(p.dirFD, p.name, &stat, unix.AT_SYMLINK_NOFOLLOW) == nil &&
		stat.Mode&unix.S_IFMT == kind && stat.Uid == p.uid
}

// hold opens what is there without using it, if it is of this kind and belongs
// to uid.
func (p place) hold(kind, uid uint32) (int, error) {
	fd, err := unix.Openat(p.dirFD, p.name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("open", err)
	}
	var stat unix.Stat_t
	if err = unix.Fstat(fd, &stat); err == nil && (stat.Mode&unix.S_IFMT != kind || stat.Uid != uid) {
		err = fmt.Errorf("what is there is not of its owner's, or of another kind: %w", unix.EEXIST)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// give sets mode and owner of what was just made. It is opened first, so that a
// link put there meanwhile is not followed.
func (p place) give(kind, mode uint32) error {
	maker := p.uid
	if p.given {
		maker = uint32(os.Geteuid())
	}
	fd, err := p.hold(kind, maker)
	if errors.Is(err, unix.EEXIST) {
		return errExchanged
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if p.given {
		err := unix.Fchownat(fd, "", int(p.uid), int(p.gid), unix.AT_EMPTY_PATH)
		if err != nil {
			return os.NewSyscallError("fchownat", err)
		}
	}
	return os.NewSyscallError("chmod", unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), mode))
}

func (p place) unlink() error { return unix.Unlinkat(p.dirFD, p.name, 0) }

// takeBack removes what was just made, and could not be finished.
func (p place) takeBack(kind uint32) {
	if p.given || p.is(kind) {
		_ = p.unlink()
	}
}
