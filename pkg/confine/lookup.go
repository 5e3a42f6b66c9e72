package confine

import (
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// defaultPath is used by a service without a PATH of its own.
const defaultPath = "/usr/local/bin:/usr/bin:/bin"

// systemPath is the PATH that a service of the system's instance begins with.
const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// find finds the program that argv0 names, as execvp(3) does: with a slash it
// is a path, else the first executable file in PATH of env. Relative entries
// and the empty one, which means ".", start at dir.
func find(argv0 string, env []string, dir string) (string, error) {
	if strings.Contains(argv0, "/") {
		return argv0, nil
	}
	if argv0 == "" {
		return "", fmt.Errorf("the program has no name: %w", unix.ENOENT)
	}
	var refused error
	for _, entry := range filepath.SplitList(searchPath(env)) {
		if !filepath.IsAbs(entry) {
			entry = filepath.Join(dir, entry)
		}
		path := filepath.Join(entry, argv0)
		err := canExecute(path)
		if err == nil {
			return path, nil
		}
		if err == unix.EACCES && refused == nil {
			refused = fmt.Errorf("cannot execute %q: %s: %w", path, whyNotExecutable(path), err)
		}
	}
	if refused != nil {
		return "", refused
	}
	return "", fmt.Errorf("cannot find program %q in the service's PATH: %w", argv0, unix.ENOENT)
}

func searchPath(env []string) string {
	for _, assignment := range env {
		if path, found := strings.CutPrefix(assignment, "PATH="); found {
			return path
		}
	}
	return defaultPath
}

// canExecute is nil, EACCES for a thing that is there but is no program for
// us, or another error number.
func canExecute(path string) error {
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return unix.EACCES
	}
	return unix.Faccessat2(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS)
}

// explain turns the error number of an execve into what a person can act on.
func explain(path string, err error) string {
	var stat unix.Stat_t
	missing := unix.Stat(path, &stat) != nil
	switch {
	case err == unix.ENOENT && missing:
		return "there is no such file"
	case err == unix.ENOENT:
		return "its interpreter is missing: look at its first line, or at the libraries of a program for another system"
	case err == unix.EACCES:
		return whyNotExecutable(path)
	case err == unix.ENOEXEC:
		return "it is neither a program for this machine nor a script that begins with #!"
	case err == unix.E2BIG:
		return "its arguments and environment are too large together"
	default:
		return "execve failed"
	}
}

func whyNotExecutable(path string) string {
	var stat unix.Stat_t
	if unix.Stat(path, &stat) != nil {
		return "a directory on its path may not be searched"
	}
	switch {
	case stat.Mode&unix.S_IFMT == unix.S_IFDIR:
		return "it is a directory"
	case stat.Mode&unix.S_IFMT != unix.S_IFREG:
		return "it is not a regular file"
	case stat.Mode&0o111 == 0:
		return "it is not executable (chmod +x)"
	default:
		return "permission is refused"
	}
}
