package confine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
)

// deviceNames are the devices that stay: they are as good as system calls.
var deviceNames = [...]string{"null", "zero", "full", "random", "urandom", "tty"}

// deviceLinks are what programs and shells expect beside them.
var deviceLinks = [...][2]string{
	{"/proc/self/fd", "/dev/fd"}, {"/proc/self/fd/0", "/dev/stdin"}, {"/proc/self/fd/1", "/dev/stdout"},
	{"/proc/self/fd/2", "/dev/stderr"}, {"pts/ptmx", "/dev/ptmx"},
}

// mountDevices makes a /dev that has no other devices, and gets none: it is
// read-only and allows no device of its own. Each one that stays is a mount of
// the old one, since nobody can make one in a user namespace.
func mountDevices(c *generation.Confinement) error {
	var trees [len(deviceNames)]int
	for i, name := range deviceNames {
		var err error
		if trees[i], err = openTree("/dev/" + name); err != nil {
			return err
		}
		defer unix.Close(trees[i])
	}
	log, logErr := os.Readlink("/dev/log") // Of syslog(3); a link where systemd is.
	options := "mode=0755,nr_inodes=64,size=64k"
	if c.User {
		// Whoever makes a file must be mapped there, and may: it is all his.
		options += fmt.Sprintf(",uid=%d,gid=%d", c.Identity.UID, c.Identity.GID)
		defer actAs(c.Identity.UID, c.Identity.GID)()
	}
	if err := mount("tmpfs", "/dev", noSurprise, options); err != nil {
		return err
	}
	for i, name := range deviceNames {
		if err := placeDevice(trees[i], "/dev/"+name); err != nil {
			return err
		}
	}
	links := deviceLinks[:]
	if logErr == nil {
		links = append(links[:len(links):len(links)], [2]string{log, "/dev/log"})
	}
	for _, link := range links {
		if err := os.Symlink(link[0], link[1]); err != nil {
			return err
		}
	}
	if err := mountOwnDevices(); err != nil {
		return err
	}
	return restrict(unix.AT_FDCWD, "/dev", 0, unix.MOUNT_ATTR_RDONLY)
}

func placeDevice(treeFD int, path string) error {
	fd, err := unix.Open(path, unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "create", Path: path, Err: err}
	}
	return errors.Join(unix.Close(fd), attach(treeFD, path))
}

// mountOwnDevices makes terminals and shared memory that it shares with nobody.
func mountOwnDevices() error {
	for _, dir := range []string{"/dev/pts", "/dev/shm"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	if err := mount("devpts", "/dev/pts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"); err != nil {
		return err
	}
	return mount("tmpfs", "/dev/shm", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777")
}

// actAs makes files of this thread belong to somebody else, until undone.
func actAs(uid, gid uint32) (undo func()) {
	wasGID, _ := unix.SetfsgidRetGid(int(gid))
	wasUID, _ := unix.SetfsuidRetUid(int(uid))
	return func() {
		_, _ = unix.SetfsuidRetUid(wasUID)
		_, _ = unix.SetfsgidRetGid(wasGID)
	}
}
