package confine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/envfile"
	"systemg.org/sysg/pkg/generation"
)

// readEnvFileOf reads an env file for a service of the system's instance. A
// file that only root can change may be one that only root can read. Any other
// is opened with the user's own access, however root the name looks: a link of
// the user's, or a file that he renames in between, leads to nothing that he
// could not read himself.
//
// For user 0 that would be no difference, and whoever writes its environment
// decides what it runs (LD_PRELOAD), so there it has to be root's.
func readEnvFileOf(path string, id *generation.Identity) (text []byte, err error) {
	doubt := trusted(path)
	switch {
	case doubt == nil:
		return readEnvFile(path)
	case id.UID == 0 && !errors.Is(doubt, fs.ErrNotExist):
		return nil, fmt.Errorf("%q is for user 0, and not only root can change it: %w", path, doubt)
	}
	err = AsUser(id, func() (err error) { text, err = readEnvFile(path); return err })
	return text, err
}

// readEnvFile reads a regular file of a bounded size. O_NONBLOCK keeps the
// open of a FIFO from waiting for a writer; it changes nothing for a file.
func readEnvFile(path string) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	stat, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !stat.Mode().IsRegular() {
		return nil, fmt.Errorf("%q is not a regular file", path)
	}
	text, err := io.ReadAll(io.LimitReader(file, envfile.MaxSize+1))
	if err == nil && len(text) > envfile.MaxSize {
		err = fmt.Errorf("%q is larger than %d bytes", path, envfile.MaxSize)
	}
	return text, err
}
