package confine

import (
	"bytes"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	// scriptLine is how much of a file the kernel looks at to see what it is
	// (BINPRM_BUF_SIZE; 128 before Linux 5.1).
	scriptLine = 256
	// maxInterpreters is how often the program of an execve may be replaced by
	// its interpreter (exec_binprm in fs/exec.c).
	maxInterpreters = 5
)

// rootsOwn refuses a program for user 0 that somebody else could change, or
// replace by another, and one with such an interpreter: it is that one which is
// executed (binfmt_script). It looks at paths, since those are what execve(2)
// takes; what it finds nobody but root can change afterwards.
//
// What an interpreter makes of its arguments is beyond this: the program that
// env(1) finds, or the commands of a shell.
func rootsOwn(path, dir string) error {
	refuse := func(err error) error {
		return fmt.Errorf("user: cannot execute %q as user 0: %w", path, err)
	}
	at, what := path, "a program"
	for range maxInterpreters + 1 {
		if !filepath.IsAbs(at) {
			at = dir + "/" + at // Not cleaned: what ".." is depends on links.
		}
		if err := trusted(at); err != nil {
			return refuse(fmt.Errorf("that takes %s that only root can change: %w", what, err))
		}
		next, err := interpreter(at)
		if err != nil {
			return refuse(fmt.Errorf("cannot see whether %q is a script, and of what: %w", at, err))
		}
		if next == "" {
			return nil
		}
		at, what = next, "an interpreter"
	}
	return refuse(fmt.Errorf("too many interpreters, of one another: %w", unix.ELOOP))
}

// interpreter is what the kernel executes for a trusted file that is a script,
// "" if it is none. What cannot be read is refused: the kernel needs no right to
// read a file in order to execute what its first line says.
func interpreter(path string) (string, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	line := make([]byte, scriptLine) // What a short file does not fill is NUL.
	_, err = unix.Pread(fd, line, 0)
	return interpreterOf(line), err
}

// interpreterOf reads a first line as binfmt_script does: blanks, and then all up
// to a blank, the end of the line, or a NUL. A name that does not end within the line is none; the kernel
// refuses it, as it does an empty one.
func interpreterOf(line []byte) string {
	rest, script := bytes.CutPrefix(line, []byte("#!"))
	if !script {
		return ""
	}
	rest = bytes.TrimLeft(rest, " \t")
	end := bytes.IndexAny(rest, " \t\n\x00")
	if end < 0 {
		return ""
	}
	return string(rest[:end])
}
