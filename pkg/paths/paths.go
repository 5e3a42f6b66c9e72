// Package paths says where an instance keeps its files and sockets, so that the
// three programs cannot disagree.
//
//	state    ~/.local/share/systemg       generations/ projects/ logs/ and locks
//	runtime  /run/user/1000/systemg       control.sock exec.sock
//
// All of a user's is derived from the environment of the caller, which is handed
// in: the package reads none itself. The system's is fixed (system.go).
package paths

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// ErrNoHome says that the environment does not tell where a user's files are.
var ErrNoHome = errors.New("cannot find the state directory: neither XDG_DATA_HOME nor HOME is set")

// State is the directory of what has to last: $XDG_DATA_HOME/systemg, else
// ~/.local/share/systemg. A relative XDG_DATA_HOME is ignored, as the XDG Base
// Directory Specification asks for.
func State(getenv func(string) string) (string, error) {
	if dir := getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "systemg"), nil
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "share", "systemg"), nil
	}
	return "", ErrNoHome
}

// Runtime is the directory of the sockets of uid's instance: below
// $XDG_RUNTIME_DIR, else below the directory that systemd makes for a user who
// is logged in, which the variable may fail to name (cron, su, ssh without a
// session), else below the state directory.
func Runtime(getenv func(string) string, state string, uid int) string {
	for _, base := range []string{getenv("XDG_RUNTIME_DIR"), filepath.Join("/run/user", strconv.Itoa(uid))} {
		if ownedBy(base, uid) {
			return filepath.Join(base, "systemg")
		}
	}
	return filepath.Join(state, "run")
}

// ownedBy says whether dir is a directory of uid's. After su or sudo -E the
// variable still names another user's, where our sockets have no business.
func ownedBy(dir string, uid int) bool {
	if !filepath.IsAbs(dir) {
		return false
	}
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == uid
}

// Control and Exec are the sockets of the two daemons in a runtime directory.
func Control(runtime string) string { return filepath.Join(runtime, "control.sock") }

// Exec is the socket of sysg-exec.
func Exec(runtime string) string { return filepath.Join(runtime, "exec.sock") }

// Spawn is the socket of sysg-exec for processes inside services.
func Spawn(runtime string) string { return filepath.Join(runtime, "spawn.sock") }

// Custody is the socket of the holder of sysg-services.service, and Holder that
// of one which sysg-exec has started where no systemd does.
func Custody(runtime string) string { return filepath.Join(runtime, "custody.sock") }

// Holder is the socket of a holder that ends with its instance.
func Holder(runtime string) string { return filepath.Join(runtime, "holder.sock") }

// Spool is where sysgd keeps output that is on its way to the logs.
func Spool(runtime string) string {
	if runtime == SystemRuntime {
		runtime = filepath.Join(runtime, daemonsOwn)
	}
	return filepath.Join(runtime, "spool")
}

// JournalSocket is where journald takes entries.
const JournalSocket = "/run/systemd/journal/socket"

// Logs are kept in the state directory, but for the system's.
func Logs(state string) string {
	if state == SystemState {
		return SystemLogs
	}
	return filepath.Join(state, "logs")
}

// Generations is where sysg-exec stores what is installed.
func Generations(state string) string { return filepath.Join(state, "generations") }

// Projects is where sysgd keeps what it knows of its projects.
func Projects(state string) string { return filepath.Join(state, "projects") }

// Events is where sysgd keeps what happened to services.
func Events(state string) string { return filepath.Join(Logs(state), "events.log") }
