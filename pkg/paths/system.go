package paths

import (
	"io/fs"
	"path/filepath"
)

// The system's instance has fixed places: what root's programs do is no matter
// of a caller's environment.
//
//	/etc/systemg      root   manifests and sysgd.conf
//	/var/lib/systemg  root   generations/ (sysgd reads), projects/ (sysgd's own)
//	/var/log/systemg  sysgd  output of services, readable by operators
//	/run/systemg      root   control.sock exec.sock, sysgd/ (sysgd's own)
const (
	SystemConfig  = "/etc/systemg"
	SystemState   = "/var/lib/systemg"
	SystemLogs    = "/var/log/systemg"
	SystemRuntime = "/run/systemg"
)

// The accounts of the system's instance. Daemon is user and group of sysgd, and
// nobody else is in that group; people who operate services are in Operators.
const (
	Daemon    = "sysgd"
	Operators = "sysg"
)

// daemonsOwn is what sysgd writes in the system's runtime directory, which is
// root's.
const daemonsOwn = "sysgd"

// Lock is held by the one supervisor of a state directory for its life.
func Lock(state string) string { return filepath.Join(supervisors(state), "supervisor.lock") }

// PidFile has the supervisor's number, for scripts.
func PidFile(state string) string { return filepath.Join(supervisors(state), "sysg.pid") }

// supervisors is where sysgd may write files of its own.
func supervisors(state string) string {
	if state == SystemState {
		return filepath.Join(SystemRuntime, daemonsOwn)
	}
	return state
}

// Folder is one that has to be there before the daemons of the system's
// instance start.
type Folder struct {
	Path         string
	Mode         fs.FileMode
	Owner, Group string
}

// SystemFolders are what systemd/system/systemg.tmpfiles makes, for where there
// is no systemd. That of the logs gives its group to what is made in it: an
// operator may read them, and write nothing.
func SystemFolders() []Folder {
	return []Folder{
		{SystemConfig, 0o755, "root", "root"},
		{SystemState, 0o755, "root", "root"},
		{Generations(SystemState), 0o750, "root", Daemon},
		{Projects(SystemState), 0o700, Daemon, Daemon},
		{SystemLogs, 0o750 | fs.ModeSetgid, Daemon, Operators},
		{SystemRuntime, 0o755, "root", "root"},
		{supervisors(SystemState), 0o700, Daemon, Daemon},
	}
}
