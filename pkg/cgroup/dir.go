package cgroup

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Dir is a cgroup directory, held open. Close gives it back.
type Dir struct {
	fd   int
	path string
}

// dirFlags open a directory itself, never what a link in its place points to.
const dirFlags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

// Open opens the directory at a path below the mount, "" for its root.
func Open(mount Mount, below string) (*Dir, error) {
	rootFD, err := retryValue(func() (int, error) { return unix.Open(mount.Point, dirFlags, 0) })
	if err != nil {
		return nil, failed("open", mount.Point, err)
	}
	if err := checkType(rootFD); err != nil {
		_ = unix.Close(rootFD)
		return nil, failed("use", mount.Point, err)
	}
	if below == "" {
		return &Dir{fd: rootFD}, nil
	}
	defer unix.Close(rootFD)
	// Linux 5.6. What hides below another mount is not the tree we know.
	how := unix.OpenHow{Flags: dirFlags, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV}
	fd, err := retryValue(func() (int, error) { return unix.Openat2(rootFD, below, &how) })
	if err != nil {
		return nil, failed("open", below, err)
	}
	return &Dir{fd: fd, path: below}, nil
}

func checkType(fd int) error {
	var stat unix.Statfs_t
	if err := unix.Fstatfs(fd, &stat); err != nil {
		return os.NewSyscallError("fstatfs", err)
	}
	if stat.Type != unix.CGROUP2_SUPER_MAGIC {
		return ErrNone
	}
	return nil
}

// Path is the directory's path below the mount point, "" for its root.
func (d *Dir) Path() string { return d.path }

// FD is the descriptor, for clone3(2); the Dir keeps it.
func (d *Dir) FD() int { return d.fd }

// ID is the number by which the kernel knows the cgroup: its inode.
func (d *Dir) ID() (uint64, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(d.fd, &stat); err != nil {
		return 0, failed("look at", d.path, err)
	}
	return stat.Ino, nil
}

// Close gives the descriptor back; the cgroup stays.
func (d *Dir) Close() { _ = unix.Close(d.fd) }

// Child opens the directory of this name.
func (d *Dir) Child(name string) (*Dir, error) {
	child := path.Join(d.path, name)
	if err := checkName(name); err != nil {
		return nil, failed("open", child, err)
	}
	fd, err := retryValue(func() (int, error) { return unix.Openat(d.fd, name, dirFlags, 0) })
	if err != nil {
		return nil, failed("open", child, err)
	}
	return &Dir{fd: fd, path: child}, nil
}

// Make makes and opens a new directory; one that exists is an error (EEXIST).
func (d *Dir) Make(name string) (*Dir, error) {
	err := checkName(name)
	if err == nil {
		err = unix.Mkdirat(d.fd, name, 0o755)
	}
	if err != nil {
		return nil, failed("make", path.Join(d.path, name), err)
	}
	return d.Child(name)
}

// Ensure opens a directory and makes it where it is missing.
func (d *Dir) Ensure(name string) (*Dir, error) {
	made, err := d.Make(name)
	if errors.Is(err, unix.EEXIST) {
		return d.Child(name)
	}
	return made, err
}

// Remove removes an empty directory. One with a live process in it or below is
// EBUSY; a process that is dead and reaped is in nothing. One that is gone
// already is no error.
func (d *Dir) Remove(name string) error {
	err := checkName(name)
	if err == nil {
		err = unix.Unlinkat(d.fd, name, unix.AT_REMOVEDIR)
	}
	if err != nil && err != unix.ENOENT {
		return failed("remove", path.Join(d.path, name), err)
	}
	return nil
}

// RemoveTree is Remove together with the directories below, which a service
// may have made.
func (d *Dir) RemoveTree(name string) error {
	err := d.Remove(name)
	if !errors.Is(err, unix.EBUSY) {
		return err
	}
	child, err := d.Child(name)
	if err != nil {
		return ignoreMissing(err)
	}
	defer child.Close()
	if err := child.removeBelow(); err != nil {
		return err
	}
	return d.Remove(name)
}

// removeBelow removes all that is below d. It holds two descriptors however
// deep that is, since it is a service that decides how deep. A cgroup cannot be
// moved, so the way up is the way that it came down.
func (d *Dir) removeBelow() error {
	at, err := d.openAt(".", d.path)
	if err != nil {
		return err
	}
	defer func() { at.Close() }()
	names, err := at.Children()
	if err != nil {
		return err
	}
	for left := [][]string{names}; ; {
		last := len(left) - 1
		next, to := "..", path.Dir(at.path)
		if len(left[last]) > 0 {
			err := at.Remove(left[last][0])
			if err == nil {
				left[last] = left[last][1:]
				continue
			}
			if !errors.Is(err, unix.EBUSY) {
				return err
			}
			next, to = left[last][0], path.Join(at.path, left[last][0])
		} else if last == 0 {
			return nil
		}
		there, err := at.openAt(next, to)
		if err != nil {
			return err
		}
		at.Close()
		at = there
		if next != ".." {
			if names, err = at.Children(); err != nil {
				return err
			}
			left = append(left, names)
			continue
		}
		left = left[:last]
		// It has nothing below it any more; if it is busy still, it stays.
		if err := at.Remove(left[last-1][0]); err != nil {
			return err
		}
		left[last-1] = left[last-1][1:]
	}
}

// openAt opens what name leads to from d, which is the directory at path.
func (d *Dir) openAt(name, path string) (*Dir, error) {
	fd, err := retryValue(func() (int, error) { return unix.Openat(d.fd, name, dirFlags, 0) })
	if err != nil {
		return nil, failed("open", path, err)
	}
	return &Dir{fd: fd, path: path}, nil
}

// Children lists the directories in this one.
func (d *Dir) Children() ([]string, error) {
	entries, err := d.entries()
	if err != nil {
		return nil, ignoreMissing(err)
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

func (d *Dir) entries() ([]os.DirEntry, error) {
	// A descriptor of its own: the position of d's would stay at the end.
	fd, err := d.open(".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), d.path)
	defer file.Close()
	entries, err := file.ReadDir(-1)
	if err != nil {
		return nil, failed("list", d.path, err)
	}
	return entries, nil
}

func (d *Dir) open(name string, flags int) (int, error) {
	fd, err := retryValue(func() (int, error) { return unix.Openat(d.fd, name, flags|unix.O_CLOEXEC, 0) })
	if err != nil {
		return -1, failed("open", path.Join(d.path, name), err)
	}
	return fd, nil
}

func (d *Dir) read(name string) (string, error) {
	fd, err := d.open(name, unix.O_RDONLY)
	if err != nil {
		return "", err
	}
	file := os.NewFile(uintptr(fd), name)
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		return "", failed("read", path.Join(d.path, name), err)
	}
	return string(text), nil
}

// Write writes one of the cgroup's files.
func (d *Dir) Write(name, value string) error {
	fd, err := d.open(name, unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = retryValue(func() (int, error) { return unix.Write(fd, []byte(value)) })
	if err != nil {
		return failed("write", path.Join(d.path, name), err)
	}
	return nil
}

// checkName lets only single components pass: the names are made of words that
// others chose.
func checkName(name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return unix.EINVAL
	}
	return nil
}

func failed(verb, path string, err error) error {
	return fmt.Errorf("cannot %s cgroup %q: %w", verb, "/"+path, err)
}

func ignoreMissing(err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}

// retryValue repeats a call that a signal interrupts (EINTR).
func retryValue(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR {
			return n, err
		}
	}
}
