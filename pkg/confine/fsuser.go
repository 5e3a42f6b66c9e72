package confine

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
)

// AsUser calls do with this thread's access to files being that of a user:
// the group list, and the file system ids of setfsgid(2) and setfsuid(2). The
// kernel takes the capabilities that override permissions away with them, and
// gives them back. The ids of which kill(2) and ptrace(2) ask stay our own, so
// that the user can do nothing to this thread meanwhile.
//
// The thread is locked, so nothing else runs on it, and new threads of this
// process are not made from it. If it cannot come back it must not go on.
func AsUser(id *generation.Identity, do func() error) error {
	own, err := unix.Getgroups()
	if err != nil {
		return os.NewSyscallError("getgroups", err)
	}
	uid, gid := fsIDs()
	err = setFS(id.UID, id.GID, id.Groups)
	if err == nil {
		err = do()
	}
	groups := make([]uint32, len(own))
	for i := range own {
		groups[i] = uint32(own[i])
	}
	if back := comeBack(uid, gid, groups); back != nil {
		panic(fmt.Sprintf("sysg-exec cannot become itself again: %v", back))
	}
	return err
}

// setFS goes from root to a user: what needs the privilege first.
func setFS(uid, gid uint32, groups []uint32) error {
	if err := setGroups(groups); err != nil {
		return os.NewSyscallError("setgroups", err)
	}
	// These two say nothing of a failure; asking does.
	_ = unix.Setfsgid(int(gid))
	_ = unix.Setfsuid(int(uid))
	if u, g := fsIDs(); u != uid || g != gid {
		return errors.New("cannot take the user's access to files")
	}
	return nil
}

func comeBack(uid, gid uint32, groups []uint32) error {
	_ = unix.Setfsuid(int(uid))
	_ = unix.Setfsgid(int(gid))
	return setFS(uid, gid, groups)
}

// fsIDs are those of this thread: an id that nobody can have changes nothing,
// and the call returns what there is.
func fsIDs() (uid, gid uint32) {
	u, _ := unix.SetfsuidRetUid(-1)
	g, _ := unix.SetfsgidRetGid(-1)
	return uint32(u), uint32(g)
}
