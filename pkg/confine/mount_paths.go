package confine

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/order"
)

// access is what a path is to be for the service, beyond what its permissions
// allow. Where a path is named twice, the higher one holds.
type access int

const (
	asFound access = iota
	readOnly
	inaccessible
)

func (a access) String() string { return [...]string{"as found", "read-only", "inaccessible"}[a] }

// rule is about a path and all below it, up to the next rule down there.
type rule struct {
	// key is the one of isolation that it comes from.
	key  string
	path string
	access
	// optional: there is nothing to protect where there is no such path.
	optional bool
}

// rulesOf are the rules of protect_system and of the paths.
func rulesOf(c *generation.Confinement) []rule {
	var rules []rule
	add := func(key string, access access, optional bool, paths ...string) {
		for _, path := range paths {
			rules = append(rules, rule{key, path, access, optional})
		}
	}
	switch c.ProtectSystem {
	case generation.ProtectUsr:
		add("protect_system", readOnly, true, "/usr", "/boot", "/efi", "/etc")
	case generation.ProtectStrict:
		add("protect_system", readOnly, false, "/")
		add("protect_system", asFound, true, "/dev", "/proc", "/sys")
		if c.PrivateTmp {
			add("private_tmp", asFound, true, privateTmp[:]...)
		}
	}
	add("read_write_paths", asFound, false, c.ReadWrite...)
	add("read_only_paths", readOnly, false, c.ReadOnly...)
	add("inaccessible_paths", inaccessible, false, c.Inaccessible...)
	return rules
}

func rulesText(rules []rule) string {
	texts := make([]string, len(rules))
	for i, r := range rules {
		texts[i] = fmt.Sprintf("%q %s", r.path, r.access)
	}
	return strings.Join(texts, ", ")
}

// placed is a rule, with its path free of symbolic links. treeFD is the mounts
// that were there, detached, where the path is to be as it was found, else -1.
type placed struct {
	rule
	treeFD int
}

// applyRules covers each path with its own mounts, from the root down. What is
// to stay as it was is copied before anything is covered, flags and all, and
// put on top of what has become read-only around it. So no mount is ever made
// writable that was not, and none is looked up that could be another by then.
func applyRules(rules []rule, inUserNamespace bool) error {
	find := unlinked
	if inUserNamespace {
		find = filepath.EvalSymlinks
	}
	all, err := placeRules(rules, find)
	for _, r := range all {
		if err == nil {
			err = inKey(r.key, r.apply)()
		}
		if r.treeFD >= 0 {
			_ = unix.Close(r.treeFD)
		}
	}
	for _, r := range all {
		if err == nil {
			err = inKey(r.key, r.check)()
		}
	}
	return err
}

// placeRules finds the paths, in an order in which each comes after those above
// it. Of two rules for one path the stricter one holds, except that a path which
// is named wins over protect_system.
//
// Its paths are used with all privileges, and some of them lie where others than
// root can exchange things. So links of those others are not followed, and from
// here on none is; a directory that has been replaced by another of theirs is
// theirs as well. In a user namespace the mounts have no power over anybody else,
// and root itself is not to be seen.
func placeRules(rules []rule, find func(path string) (string, error)) ([]placed, error) {
	byPath := map[string]rule{}
	for _, r := range rules {
		path, err := find(r.path)
		if r.optional && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("isolation.%s: cannot find %q: %w", r.key, r.path, err)
		}
		r.path = path
		if had, found := byPath[path]; !found || had.key == "protect_system" || had.access < r.access {
			byPath[path] = r
		}
	}
	var all []placed
	for _, r := range byPath {
		all = append(all, placed{r, -1})
	}
	order.By(all, func(a, b *placed) int { return cmp.Compare(a.path, b.path) })
	for i := range all {
		if all[i].access != asFound {
			continue
		}
		var err error
		if all[i].treeFD, err = openTree(all[i].path); err != nil {
			return all, fmt.Errorf("isolation.%s: %w", all[i].key, err)
		}
	}
	return all, nil
}

func (r *placed) apply() error {
	switch {
	case r.access == asFound:
		return attach(r.treeFD, r.path)
	case r.access == inaccessible:
		return hide(r.path)
	case r.path == "/": // Nothing can be put on top of it that we would see.
		return restrict(unix.AT_FDCWD, r.path, unix.AT_RECURSIVE, unix.MOUNT_ATTR_RDONLY)
	}
	treeFD, err := openTree(r.path)
	if err != nil {
		return err
	}
	defer unix.Close(treeFD)
	if err := restrict(treeFD, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, unix.MOUNT_ATTR_RDONLY); err != nil {
		return err
	}
	return attach(treeFD, r.path)
}

// check asks the kernel whether what is there now is read-only.
func (r *placed) check() error {
	var stat unix.Statfs_t
	if r.access != readOnly {
		return nil
	}
	fd, err := openPath(r.path)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Fstatfs(fd, &stat); err != nil {
		return fmt.Errorf("cannot look at %q: %w", r.path, err)
	}
	if stat.Flags&unix.ST_RDONLY == 0 {
		return fmt.Errorf("%q did not become read-only", r.path)
	}
	return nil
}

// hide puts an empty directory that nobody may enter on a directory, and on
// anything else a device that nobody may open, since its mount allows none.
func hide(path string) error {
	fd, err := openPath(path)
	if err != nil {
		return err
	}
	var stat unix.Stat_t
	err = unix.Fstat(fd, &stat)
	_ = unix.Close(fd)
	if err != nil {
		return fmt.Errorf("cannot look at %q: %w", path, err)
	}
	var treeFD int
	const nothing = unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_RDONLY
	if stat.Mode&unix.S_IFMT == unix.S_IFDIR {
		treeFD, err = newEmpty(nothing)
	} else if treeFD, err = openTree("/dev/null"); err == nil {
		err = restrict(treeFD, "", unix.AT_EMPTY_PATH, nothing)
	}
	if err == nil {
		err = attach(treeFD, path)
	}
	_ = unix.Close(treeFD)
	return err
}

// newEmpty is a directory with nothing in it, which nobody may enter, as a mount
// that is nowhere yet (fsopen(2), Linux 5.2).
func newEmpty(attributes int) (int, error) {
	fsFD, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, os.NewSyscallError("fsopen", err)
	}
	defer unix.Close(fsFD)
	err = errors.Join(unix.FsconfigSetString(fsFD, "mode", "0"), unix.FsconfigSetString(fsFD, "nr_inodes", "1"), unix.FsconfigCreate(fsFD))
	if err != nil {
		return -1, os.NewSyscallError("fsconfig", err)
	}
	treeFD, err := unix.Fsmount(fsFD, unix.FSMOUNT_CLOEXEC, attributes)
	return treeFD, os.NewSyscallError("fsmount", err)
}

// openPath opens a path in which there is no link (openat2(2), Linux 5.6), to
// look at it, or to mount on it.
func openPath(path string) (int, error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS}
	fd, err := unix.Openat2(unix.AT_FDCWD, path, &how)
	if err != nil {
		return -1, fmt.Errorf("cannot find %q: %w", path, err)
	}
	return fd, nil
}

// openTree copies the mounts at a path and below (open_tree(2), Linux 5.2).
func openTree(path string) (int, error) {
	fd, err := openPath(path)
	if err != nil {
		return -1, err
	}
	defer unix.Close(fd)
	treeFD, err := unix.OpenTree(fd, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE|unix.AT_EMPTY_PATH)
	if err != nil {
		return -1, fmt.Errorf("cannot copy the mounts of %q: %w", path, err)
	}
	return treeFD, nil
}

// attach puts mounts on a path (move_mount(2), Linux 5.2).
func attach(treeFD int, path string) error {
	fd, err := openPath(path)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.MoveMount(treeFD, "", fd, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH); err != nil {
		return fmt.Errorf("cannot mount on %q: %w", path, err)
	}
	return nil
}

// restrict sets attributes of mounts (mount_setattr(2), Linux 5.12), of all or
// of none.
func restrict(dirFD int, path string, flags uint, attributes uint64) error {
	if err := unix.MountSetattr(dirFD, path, flags, &unix.MountAttr{Attr_set: attributes}); err != nil {
		return fmt.Errorf("cannot restrict the mounts of %q: %w", path, err)
	}
	return nil
}
