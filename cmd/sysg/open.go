package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"systemg.org/sysg/pkg/manifest"
)

// openManifest returns the text of a manifest or env file that the caller of
// this program may trust.
func openManifest(path string) ([]byte, error) { return trustedOpener(currentCaller(false))(path) }

// trustedOpener opens manifests and env files on behalf of the caller. Each is
// opened once, judged by what its descriptor says, and read from there, so
// that what was judged is what is read.
func trustedOpener(caller manifest.Caller) manifest.Opener {
	return func(path string) ([]byte, error) {
		file, symlink, err := openNoBlock(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		facts, err := fileFacts(file, path, symlink)
		if err != nil {
			return nil, err
		}
		if err := manifest.Judge(facts, caller); err != nil {
			return nil, err
		}
		// One byte more than is allowed, for the reader to see that it is more.
		text, err := io.ReadAll(io.LimitReader(file, manifest.MaxDocument+1))
		if err != nil {
			return nil, fmt.Errorf("cannot read %q: %w", path, err)
		}
		return text, nil
	}
}

// openNoBlock opens a file for reading and says whether the path ends in a
// symbolic link. O_NONBLOCK because opening a FIFO would wait for a writer,
// O_NOCTTY because opening a terminal could take it over; Go adds O_CLOEXEC.
func openNoBlock(path string) (file *os.File, symlink bool, err error) {
	const flags = os.O_RDONLY | syscall.O_NONBLOCK | syscall.O_NOCTTY
	file, err = os.OpenFile(path, flags|syscall.O_NOFOLLOW, 0)
	if !errors.Is(err, syscall.ELOOP) {
		return file, false, err
	}
	file, err = os.OpenFile(path, flags, 0)
	return file, true, err
}

// fileFacts asks the descriptor (fstat), never the path.
func fileFacts(file *os.File, path string, symlink bool) (manifest.File, error) {
	found, err := file.Stat()
	if err != nil {
		return manifest.File{}, fmt.Errorf("cannot stat %q: %w", path, err)
	}
	stat, ok := found.Sys().(*syscall.Stat_t)
	if !ok {
		return manifest.File{}, fmt.Errorf("cannot stat %q: no owner in the answer", path)
	}
	return manifest.File{
		Path:    path,
		Regular: found.Mode().IsRegular(),
		Symlink: symlink,
		Perm:    stat.Mode & 0o7777,
		UID:     stat.Uid,
		GID:     stat.Gid,
	}, nil
}

// currentCaller is who runs this command, as far as trust in files goes.
func currentCaller(system bool) manifest.Caller {
	caller := manifest.Caller{EUID: uint32(os.Geteuid()), System: system}
	if uid, err := strconv.ParseUint(os.Getenv("SUDO_UID"), 10, 32); err == nil {
		caller.SudoUID, caller.HasSudo = uint32(uid), true
	}
	// Users and groups from elsewhere (LDAP) are not in these files. Then there
	// is no private group, which only refuses more.
	passwd, _ := os.ReadFile("/etc/passwd")
	group, _ := os.ReadFile("/etc/group")
	caller.PrivateGID, caller.HasPrivate = privateGroup(passwd, group, caller.EUID)
	return caller
}

// privateGroup finds the group that a user is the only member of: the primary
// group of this user and of no other, which bears the user's name and lists
// nobody else.
func privateGroup(passwd, group []byte, uid uint32) (gid uint32, found bool) {
	var name, primary string
	members := map[string]int{} // users by the number of their primary group
	eachEntry(passwd, 4, func(fields []string) {
		members[fields[3]]++
		if fields[2] == strconv.FormatUint(uint64(uid), 10) && name == "" {
			name, primary = fields[0], fields[3]
		}
	})
	if name == "" || members[primary] != 1 {
		return 0, false
	}
	named, shared := false, false
	eachEntry(group, 4, func(fields []string) {
		if fields[2] != primary {
			return
		}
		named = named || fields[0] == name
		shared = shared || fields[0] != name || fields[3] != "" && fields[3] != name
	})
	number, err := strconv.ParseUint(primary, 10, 32)
	return uint32(number), err == nil && named && !shared
}

// eachEntry calls do for each line of at least that many fields.
func eachEntry(table []byte, least int, do func(fields []string)) {
	for lines := bufio.NewScanner(bytes.NewReader(table)); lines.Scan(); {
		if fields := strings.Split(lines.Text(), ":"); len(fields) >= least {
			do(fields)
		}
	}
}
