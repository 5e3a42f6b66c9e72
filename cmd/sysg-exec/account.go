package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"systemg.org/sysg/pkg/paths"
)

const (
	// daemonAccount is the user that sysgd runs as in the system's instance.
	daemonAccount = paths.Daemon
	passwdPath    = "/etc/passwd"
	// maxPasswd bounds the file, in bytes.
	maxPasswd = 4 << 20
)

// account is a user, and the group whose members may read what it may.
type account struct{ uid, gid uint32 }

// findDaemon looks the account of sysgd up, in the file and nowhere else: an
// answer that takes a network, or a library of somebody's, is not one to grant
// root's services by.
func findDaemon(path string) (account, error) {
	info, err := os.Stat(path)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxPasswd) {
		err = fmt.Errorf("it is no file of at most %d bytes", maxPasswd)
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(path)
	}
	var found account
	if err == nil {
		found, err = parseDaemon(string(text))
	}
	if err != nil {
		return account{}, fmt.Errorf("cannot find user %q in %s: %w", daemonAccount, path, err)
	}
	return found, nil
}

// parseDaemon finds the account in the text of a passwd(5). It takes no two
// lines for it, none that is malformed, and not root.
func parseDaemon(text string) (found account, err error) {
	seen := false
	for line := range strings.Lines(text) {
		rest, ours := strings.CutPrefix(strings.TrimSuffix(line, "\n"), daemonAccount+":")
		if !ours {
			continue
		}
		if seen {
			return account{}, errors.New("there are two of it")
		}
		seen = true
		fields := strings.Split(rest, ":")
		if len(fields) != 6 {
			return account{}, fmt.Errorf("its line has %d fields, not 7", len(fields)+1)
		}
		if found.uid, err = parseID(fields[1]); err == nil {
			found.gid, err = parseID(fields[2])
		}
		if err != nil {
			return account{}, err
		}
	}
	if !seen {
		return account{}, errors.New("there is none")
	}
	return found, nil
}

// parseID reads the number of a user or group that may be the daemon's: not
// root, and not the two that mean none (setresuid(2), and what 16 bits had).
func parseID(text string) (uint32, error) {
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil || strconv.FormatUint(id, 10) != text || id == 0 || id == 0xffff || id == 0xffffffff {
		return 0, fmt.Errorf("%.20q is not the number of a daemon's account", text)
	}
	return uint32(id), nil
}
