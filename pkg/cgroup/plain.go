package cgroup

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Plain is a directory of an ordinary file system that stands for a cgroup, so
// that a test can see what would be written. It holds nothing back.
type Plain struct {
	fd   int
	path string
}

// ErrNotPlain says that a directory is a cgroup.
var ErrNotPlain = errors.New("it is a cgroup")

// OpenPlain opens such a directory. It must be the caller's own and nobody
// else's to write, and hold nothing but what Rehearse makes: a manifest that
// names a directory by mistake shall not have files written into it.
func OpenPlain(path string) (*Plain, error) {
	// Linux 5.6. No link anywhere on the way: where it leads could change.
	how := unix.OpenHow{Flags: dirFlags, Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS}
	fd, err := retryValue(func() (int, error) { return unix.Openat2(unix.AT_FDCWD, path, &how) })
	if err != nil {
		return nil, fmt.Errorf("cannot open directory %q: %w", path, err)
	}
	p := &Plain{fd: fd, path: path}
	if err := p.check(); err != nil {
		p.Close()
		return nil, fmt.Errorf("cannot use directory %q: %w", path, err)
	}
	return p, nil
}

// Close gives the descriptor back.
func (p *Plain) Close() { _ = unix.Close(p.fd) }

func (p *Plain) check() error {
	if checkType(p.fd) == nil {
		return ErrNotPlain
	}
	var stat unix.Stat_t
	if err := unix.Fstat(p.fd, &stat); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	if stat.Uid != uint32(os.Geteuid()) || stat.Mode&0o022 != 0 {
		return errors.New("others may write to it")
	}
	entries, err := (&Dir{fd: p.fd, path: p.path}).entries()
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), "p-") {
			return fmt.Errorf("it is not empty: %q", entry.Name())
		}
	}
	return nil
}

// Rehearse writes each limit into a file of its name, in the directory at the
// end of names, which it makes.
func (p *Plain) Rehearse(names []string, writes []Write) error {
	at := &Dir{fd: p.fd, path: p.path}
	for _, name := range names {
		below, err := at.Ensure(name)
		if at.fd != p.fd {
			at.Close()
		}
		if err != nil {
			return err
		}
		at = below
	}
	defer at.Close()
	for _, w := range writes {
		fd, err := retryValue(func() (int, error) {
			return unix.Openat(at.fd, w.File, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
		})
		if err != nil {
			return failed("write", at.path+"/"+w.File, err)
		}
		_, err = retryValue(func() (int, error) { return unix.Write(fd, []byte(w.Value+"\n")) })
		_ = unix.Close(fd)
		if err != nil {
			return failed("write", at.path+"/"+w.File, err)
		}
	}
	return nil
}
