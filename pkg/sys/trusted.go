package sys

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNotTrusted says that somebody else than root can change what a path means.
var ErrNotTrusted = errors.New("it is not root's alone")

// dirFlags open a directory itself, never what a link in its place points to.
const dirFlags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

// OpenTrusted opens a directory that nobody but root can change, nor put
// something else in place of: it and all above it are root's, none is a link,
// and none can be written to by others. A directory on the way where everybody
// may write will do if it is sticky, such as /tmp: there, nobody may touch what
// is root's (unlink(2), EPERM).
//
// From the moment at which it is open it cannot be exchanged, and as long as
// nobody but root writes to it, what is below it and root's cannot be either.
func OpenTrusted(path string) (int, error) {
	if !filepath.IsAbs(path) {
		return -1, fmt.Errorf("cannot trust %q: it is not absolute", path)
	}
	at := "/"
	fd, err := retryValue("open", func() (int, error) { return unix.Open(at, dirFlags, 0) })
	if err != nil {
		return -1, err
	}
	rest := strings.FieldsFunc(filepath.Clean(path), func(c rune) bool { return c == '/' })
	for {
		if err := trustedDir(fd, len(rest) == 0); err != nil {
			_ = unix.Close(fd)
			return -1, fmt.Errorf("cannot trust %q for %q: %w", at, path, err)
		}
		if len(rest) == 0 {
			return fd, nil
		}
		next, err := openBeneath(fd, rest[0], dirFlags)
		_ = unix.Close(fd)
		at = filepath.Join(at, rest[0])
		if err != nil {
			return -1, fmt.Errorf("cannot open %q: %w", at, err)
		}
		fd, rest = next, rest[1:]
	}
}

// trustedDir says whether a directory is root's alone; last is false for one
// that something of root's is only on its way through.
func trustedDir(fd int, last bool) error {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	switch {
	case stat.Uid != 0:
		return fmt.Errorf("it belongs to uid %d: %w", stat.Uid, ErrNotTrusted)
	case stat.Mode&0o022 != 0 && (last || stat.Mode&unix.S_ISVTX == 0):
		return fmt.Errorf("its mode is %04o: %w", stat.Mode&0o7777, ErrNotTrusted)
	}
	return nil
}

// openBeneath opens what is below a directory, through no link and never above
// it (openat2(2), Linux 5.6). For one name without a slash openat(2) with
// O_NOFOLLOW says the same, and does where the newer call is missing or, as in
// some containers, forbidden.
func openBeneath(dirFD int, name string, flags int) (int, error) {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return -1, fmt.Errorf("%q is no name in a directory: %w", name, unix.EINVAL)
	}
	how := unix.OpenHow{
		Flags:   uint64(flags | unix.O_NOFOLLOW | unix.O_CLOEXEC),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	}
	fd, err := retryValue("openat2", func() (int, error) { return unix.Openat2(dirFD, name, &how) })
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		return retryValue("openat", func() (int, error) {
			return unix.Openat(dirFD, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		})
	}
	return fd, err
}
