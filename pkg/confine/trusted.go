package confine

import (
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many symbolic links a path may have; the kernel's own number.
const maxLinks = 40

// trusted says of an absolute path, link by link, that only root can change
// what it leads to: it returns nil, or why not. It never looks beyond the first
// thing that is not root's, so nobody can make it wait, or lead it anywhere.
//
// Everything on the way must be root's and not writable by others. A directory
// that all may write to is passed only if it is sticky, as /tmp is, and what
// follows is a directory of root's: nobody else may rename or remove that
// (inode(7)), or put one there. A file or a symbolic link in it is refused,
// since a hard link to another one of root's can be.
func trusted(path string) error {
	_, doubt, err := walk(path, false)
	if err != nil {
		return err
	}
	return doubt
}

// unlinked is what an absolute path leads to, without symbolic links. They are
// followed as long as only root can change them.
func unlinked(path string) (string, error) {
	at, _, err := walk(path, true)
	return at, err
}

// walk goes along a path to its end, or to the first thing on it that not only
// root can change, which is the doubt. With beyond it goes on there, but
// follows no link any more.
func walk(path string, beyond bool) (at string, doubt, err error) {
	if !filepath.IsAbs(path) {
		return "", nil, fmt.Errorf("%q is not an absolute path", path)
	}
	at = "/"
	rest, links, shared := strings.Split(path, "/"), 0, false
	for {
		var stat unix.Stat_t
		if err := unix.Lstat(at, &stat); err != nil {
			return at, doubt, fmt.Errorf("%q: %w", at, err)
		}
		if doubt == nil {
			doubt = whyDoubted(at, &stat, shared)
		}
		if doubt != nil && !beyond {
			return at, doubt, nil
		}
		shared = stat.Mode&unix.S_IFMT != unix.S_IFLNK && stat.Mode&0o022 != 0
		if stat.Mode&unix.S_IFMT == unix.S_IFLNK {
			if doubt != nil {
				return at, doubt, fmt.Errorf("%q is a symbolic link that not only root can change: %w", at, doubt)
			}
			if links++; links > maxLinks {
				return at, doubt, fmt.Errorf("%q: %w", path, unix.ELOOP)
			}
			target, err := readLink(at)
			if err != nil {
				return at, doubt, err
			}
			rest = append(strings.Split(target, "/"), rest...)
			if at = filepath.Dir(at); filepath.IsAbs(target) {
				at = "/"
			}
		}
		next := ""
		for next == "" {
			if len(rest) == 0 {
				return at, doubt, nil
			}
			if next, rest = rest[0], rest[1:]; next == "." {
				next = ""
			}
		}
		// at has no symbolic link in it, so ".." is what the kernel makes of it.
		at = filepath.Join(at, next)
	}
}

// whyDoubted says why not only root can change a thing, nil if only root can.
// shared: it lies in a directory that others may write to.
func whyDoubted(at string, stat *unix.Stat_t, shared bool) error {
	kind := stat.Mode & unix.S_IFMT
	open := kind != unix.S_IFLNK && stat.Mode&0o022 != 0
	switch {
	case stat.Uid != 0:
		return fmt.Errorf("%q belongs to user %d, not to root", at, stat.Uid)
	case shared && kind != unix.S_IFDIR:
		return fmt.Errorf("%q lies in a directory that all may write to", at)
	case open && (kind != unix.S_IFDIR || stat.Mode&unix.S_ISVTX == 0):
		return fmt.Errorf("%q can be written to by others than root", at)
	}
	return nil
}

func readLink(path string) (string, error) {
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlink(path, target)
	if err != nil {
		return "", fmt.Errorf("%q: %w", path, err)
	}
	return string(target[:n]), nil
}
