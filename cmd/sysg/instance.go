package main

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
	"systemg.org/sysg/pkg/paths"
)

// instance is where one user's daemons, or the system's, and their files are.
type instance struct {
	// system: root keeps it, and sysgd has files of its own in it (system.go).
	system bool
	state  string
	// runtimes are the folders where the sockets may be, the best first.
	runtimes []string
	// runtime is the one where they are, once that is known.
	runtime  string
	logLevel string
	env      func(string) string
}

// locate finds the folders of uid's instance. The one that an instance was
// started in is recorded, and is tried as well, since the next caller's
// environment may differ.
func locate(env func(string) string, uid int) (*instance, error) {
	state, err := paths.State(env)
	if err != nil {
		return nil, err
	}
	i := &instance{state: state, env: env}
	i.consider(paths.Runtime(env, state, uid))
	if recorded, err := os.ReadFile(i.recordPath()); err == nil {
		i.consider(strings.TrimSpace(string(recorded)))
	}
	return i, nil
}

func (i *instance) consider(dir string) {
	if filepath.IsAbs(dir) && (len(i.runtimes) == 0 || i.runtimes[0] != dir) {
		i.runtimes = append(i.runtimes, dir)
	}
}

// ours says whether we may start its daemons.
func (i *instance) ours() bool { return !i.system || os.Geteuid() == 0 }

func (i *instance) recordPath() string { return filepath.Join(i.state, "runtime") }
func (i *instance) supervisorLog() string {
	return filepath.Join(paths.Logs(i.state), "supervisor.log")
}

// serviceLog is where a service's output is kept.
func (i *instance) serviceLog(project, service string) string {
	return filepath.Join(paths.Logs(i.state), project, service+".log")
}

func (i *instance) execSocket() string { return sysgExec.socketIn(i.runtime) }

// reach connects to the supervisor. A daemon that died is brought back, alone
// or with the other: its services live on, and whoever is told that nothing
// runs, or that all is stopped, has to be told the truth.
func (i *instance) reach() (*client.Conn, error) {
	for _, dir := range i.runtimes {
		conn, err := client.Dial(sysgd.socketIn(dir))
		if err == nil {
			i.runtime = dir
			if i.ours() && sysgExec.diedIn(dir) {
				// Where that fails sysgd still has something to tell.
				_ = i.startMissing(dir)
			}
			return conn, nil
		}
		if !errors.Is(err, client.ErrNotRunning) {
			return nil, err
		}
	}
	if !i.ours() {
		return nil, noSystemSupervisor()
	}
	for _, dir := range i.runtimes {
		if sysgExec.answersIn(dir) || holder.answersIn(dir) {
			return i.raiseIn(dir)
		}
	}
	if i.orphaned() {
		return i.raiseIn(i.runtimes[len(i.runtimes)-1]) // the one that is recorded, if it is another
	}
	if i.system {
		return nil, noSystemSupervisor()
	}
	return nil, noSupervisor()
}

// orphaned says whether sysg-exec has left records of this boot, which it
// removes as the services end. A record of another boot is of nothing that lives.
func (i *instance) orphaned() bool {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return false
	}
	records, _ := filepath.Glob(filepath.Join(i.state, "incarnations", "*.json"))
	for _, path := range records {
		record, err := os.ReadFile(path)
		if err == nil && bytes.Contains(record, bytes.TrimSpace(boot)) {
			return true
		}
	}
	return false
}

// another connects once more to a supervisor that was reached.
func (i *instance) another() (*client.Conn, error) {
	return client.Dial(sysgd.socketIn(i.runtime))
}

// raise is reach, and starts what does not run.
func (i *instance) raise() (*client.Conn, error) {
	for _, dir := range i.runtimes {
		if sysgd.answersIn(dir) || sysgExec.answersIn(dir) || holder.answersIn(dir) {
			return i.raiseIn(dir)
		}
	}
	return i.raiseIn(i.runtimes[0])
}

func noSupervisor() *api.Diagnostic {
	return &api.Diagnostic{
		Code: api.CodeNoSupervisor, Title: "no supervisor is running",
		Help: []api.Help{{Label: "start it with a manifest", Command: "sysg start -c systemg.yaml --daemonize"}},
	}
}

// daemon is one of the two programs behind the sockets.
type daemon struct {
	name string
	// socketIn is the path of its socket in a runtime folder, network the kind
	// of socket, as package net calls it.
	socketIn func(runtime string) string
	network  string
	// fdName is what LISTEN_FDNAMES calls the listener; as in the units.
	fdName string
	args   func(i *instance, runtime string) []string
}

var (
	sysgExec = daemon{
		name: "sysg-exec", socketIn: paths.Exec, network: "unixpacket", fdName: "exec",
		args: func(i *instance, _ string) []string {
			if i.system {
				return []string{"serve", "--system"}
			}
			return []string{"serve", "--state", i.state}
		},
	}
	sysgd = daemon{
		name: "sysgd", socketIn: paths.Control, network: "unix", fdName: "control",
		args: func(i *instance, runtime string) []string {
			if i.system {
				return []string{"--system"}
			}
			return []string{"--state", i.state, "--runtime", runtime}
		},
	}
)

// holder is what sysg-exec starts to keep what must outlive both daemons: where
// it lives, so does something that they have to be there for.
var holder = daemon{name: "the holder", socketIn: paths.Holder, network: "unixpacket"}

// answersIn says whether somebody listens: the daemon, or systemd for it.
func (d daemon) answersIn(runtime string) bool {
	conn, err := net.DialUnix(d.network, nil, &net.UnixAddr{Name: d.socketIn(runtime), Net: d.network})
	if err != nil {
		// A queue that is full is somebody's; what cannot be asked is left alone.
		return !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED)
	}
	_ = conn.Close()
	return true
}

// diedIn says whether the daemon left its socket behind: one that ends in
// peace has it removed.
func (d daemon) diedIn(runtime string) bool {
	_, err := os.Lstat(d.socketIn(runtime))
	return err == nil && !d.answersIn(runtime)
}
