package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
)

// Starting the daemons where systemd does not. Everything is in the order: the
// lock, then the sockets, then the daemons. Whoever comes second waits at the
// lock and then finds sockets that answer; a call made before its daemon runs
// waits in the socket. So nobody looks twice, and nobody waits for a time.

// raiseIn makes both daemons run, with their sockets in dir, and connects.
func (i *instance) raiseIn(dir string) (*client.Conn, error) {
	if !sysgExec.answersIn(dir) || !sysgd.answersIn(dir) {
		if err := i.startMissing(dir); err != nil {
			return nil, err
		}
	}
	i.runtime = dir
	return client.Dial(sysgd.socketIn(dir))
}

func (i *instance) startMissing(dir string) error {
	if i.system {
		return i.startSystem(dir)
	}
	for _, folder := range []string{i.state, dir, filepath.Dir(i.supervisorLog())} {
		if err := privateFolder(folder); err != nil {
			return err
		}
	}
	return i.startBoth(dir)
}

// startBoth starts those of the daemons that do not answer. The folders are there.
func (i *instance) startBoth(dir string) error {
	lock, err := lockFile(filepath.Join(dir, "start.lock"))
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	if err := i.olderRuns(); err != nil {
		return err
	}
	scope := i.scope()
	// sysg-exec first: sysgd connects to it at once.
	for _, d := range []daemon{sysgExec, sysgd} {
		if d.answersIn(dir) {
			continue
		}
		if err := i.start(d, dir, scope); err != nil {
			return err
		}
	}
	return nil
}

// privateFolder makes a folder that is its owner's alone, or refuses one that
// others may write to: who can replace a socket can be our supervisor.
func privateFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return &api.Diagnostic{
			Code: api.CodeInternal, Title: fmt.Sprintf("cannot make a folder for the supervisor: %v", err),
			Help: elsewhere(),
		}
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("cannot make a folder for the supervisor: %w", err)
	}
	stat, _ := info.Sys().(*syscall.Stat_t)
	if stat == nil || int(stat.Uid) != os.Getuid() || info.Mode().Perm()&0o022 != 0 {
		return &api.Diagnostic{
			Code: api.CodeInternal, Title: fmt.Sprintf("folder %q is not only yours to write to", dir),
			Notes: []string{fmt.Sprintf("its owner is uid %d, its mode %04o", stat.Uid, info.Mode().Perm())},
			Help:  elsewhere(),
		}
	}
	return nil
}

// elsewhere is what to do where a folder cannot be used.
func elsewhere() []api.Help {
	return []api.Help{
		{Label: "keep the state in another folder", Command: "export XDG_DATA_HOME=DIR"},
		{Label: "keep the sockets in another folder", Command: "export XDG_RUNTIME_DIR=DIR"},
	}
}

// lockFile waits until nobody else holds path. Closing the file lets it go, as
// does the end of the process (flock(2)).
func lockFile(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the lock: %w", err)
	}
	for {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX)
		if err == nil {
			return file, nil
		}
		if err != syscall.EINTR {
			_ = file.Close()
			return nil, fmt.Errorf("cannot lock %q: %w", path, os.NewSyscallError("flock", err))
		}
	}
}

// start binds d's socket and starts d with it, detached from us: in a session
// of its own, in the root folder, with its output in the supervisor's log. What
// scope returned comes before it.
func (i *instance) start(d daemon, dir string, scope []string) error {
	program, err := i.find(d.name)
	if err != nil {
		return err
	}
	listener, err := i.bind(d, dir)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	if err := i.record(dir); err != nil {
		return err
	}
	log, err := openSupervisorLog(i.supervisorLog())
	if err != nil {
		return fmt.Errorf("cannot open the supervisor's log: %w", err)
	}
	defer func() { _ = log.Close() }()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer func() { _ = null.Close() }()

	attributes, options, err := i.become(d)
	if err != nil {
		return err
	}
	// We ourselves, so that a verb of ours can put the pid into LISTEN_PID.
	path, argv := "/proc/self/exe", slices.Concat([]string{"sysg", activateVerb.name}, options, []string{program}, d.args(i, dir))
	if scope != nil {
		if argv[0], err = os.Executable(); err != nil {
			return fmt.Errorf("cannot find the program of this process: %w", err)
		}
		path, argv = scope[0], slices.Concat(scope, argv)
	}
	process, err := os.StartProcess(path, argv, &os.ProcAttr{
		Dir:   "/",
		Env:   i.daemonEnvironment(d),
		Files: []*os.File{null, log, log, listener},
		Sys:   attributes,
	})
	if err != nil {
		return fmt.Errorf("cannot start %s: %w", d.name, err)
	}
	// It outlives us, or becomes a zombie under a foreground start that does
	// not look. This ends with either of us.
	go func() { _, _ = process.Wait() }()
	return nil
}

// record notes where the sockets are, for callers with another environment.
func (i *instance) record(dir string) error {
	if i.system {
		return nil
	}
	if err := os.WriteFile(i.recordPath(), []byte(dir+"\n"), 0o600); err != nil {
		return fmt.Errorf("cannot record where the sockets are: %w", err)
	}
	return nil
}

// fits refuses the path of a socket that the kernel could not take: sun_path in
// unix(7), with its NUL. To bind and to connect would only be invalid arguments.
func fits(path string) error {
	if len(path) <= 107 {
		return nil
	}
	return &api.Diagnostic{
		Code: api.CodeInternal, Title: fmt.Sprintf("the path of a socket would be too long: %q", path),
		Notes: []string{fmt.Sprintf("it has %d bytes, and the kernel allows 107", len(path))},
		Help:  []api.Help{{Label: "use a shorter folder", Command: "export XDG_RUNTIME_DIR=DIR"}},
	}
}

// supervisorLogLimit is the size from which on a new daemon gets a new log.
const supervisorLogLimit = 10 << 20

// openSupervisorLog opens the log to append to. One that has grown large is set
// aside as .1, in place of the one before: the daemons say little, so that it
// is enough to look when one of them starts.
func openSupervisorLog(path string) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && info.Size() > supervisorLogLimit {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, err
		}
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	// The folder is the daemon's, and we may be root: a second name of a file
	// of somebody else's is not what we write to.
	info, err := file.Stat()
	if err == nil {
		if stat, ok := info.Sys().(*syscall.Stat_t); !ok || !info.Mode().IsRegular() || stat.Nlink != 1 {
			err = fmt.Errorf("%q is not a regular file with one name", path)
		}
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// bind makes d's socket, in place of a stale one. The lock is held.
func (i *instance) bind(d daemon, dir string) (*os.File, error) {
	path := d.socketIn(dir)
	if err := fits(path); err != nil {
		return nil, err
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == os.ModeSocket {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("cannot remove a stale socket: %w", err)
		}
	}
	// It is its owner's alone from the first moment on.
	umask := syscall.Umask(0o177)
	listener, err := net.ListenUnix(d.network, &net.UnixAddr{Name: path, Net: d.network})
	syscall.Umask(umask)
	if err != nil {
		return nil, fmt.Errorf("cannot bind the socket of %s: %w", d.name, err)
	}
	listener.SetUnlinkOnClose(false)
	defer func() { _ = listener.Close() }()
	if i.system {
		err = openToOthers(d, path)
	}
	if err != nil {
		return nil, err
	}
	return listener.File()
}

// daemonEnvironment is what a daemon we start gets to see: where its files
// are, and SYSG_ variables, which are settings. Not SYSG_INVOCATION_ID: where
// sysg is called by a service it would mark the daemon as part of that service.
func (i *instance) daemonEnvironment(d daemon) []string {
	env := []string{"LISTEN_FDS=1", "LISTEN_FDNAMES=" + d.fdName}
	if i.system {
		return append(env, i.systemEnvironment()...)
	}
	kept := []string{
		"PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR", "DBUS_SESSION_BUS_ADDRESS",
		"XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "GOCOVERDIR",
	}
	for _, name := range kept {
		if value := i.env(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	for _, entry := range os.Environ() {
		setting := strings.HasPrefix(entry, "SYSG_") || strings.HasPrefix(entry, "SYSTEMG_")
		if setting && !strings.HasPrefix(entry, "SYSG_INVOCATION_ID=") {
			env = append(env, entry)
		}
	}
	if level := i.level(); level != "" {
		env = append(env, "SYSG_LOG_LEVEL="+level)
	}
	return env
}

// level is that of --log-level, or else of RUST_LOG, as the older program had
// it; its filters by module mean nothing here.
func (i *instance) level() string {
	if i.logLevel != "" || i.env("SYSG_LOG_LEVEL") != "" {
		return i.logLevel
	}
	level, err := logLevel(i.env("RUST_LOG"))
	if err != nil {
		return ""
	}
	return level
}

// find looks for a daemon where it is installed together with us, then where
// packages put it, then in PATH. SYSG_LIBEXEC is for tests.
func (i *instance) find(name string) (string, error) {
	folders := []string{i.env("SYSG_LIBEXEC")}
	if self, err := os.Executable(); err == nil {
		here := filepath.Dir(self)
		folders = append(folders, here, filepath.Join(here, "..", "libexec", "systemg"))
	}
	for _, folder := range append(folders, "/usr/bin", "/usr/libexec/systemg") {
		path := filepath.Join(folder, name)
		if info, err := os.Stat(path); filepath.IsAbs(path) && err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
			return path, nil
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return "", &api.Diagnostic{
		Code: api.CodeHelper, Title: fmt.Sprintf("cannot find the program %s", name),
		Notes: []string{"it belongs beside sysg, in ../libexec/systemg from there, in /usr/libexec/systemg, or in PATH"},
		Help:  []api.Help{{Label: "install the three programs together", Command: "make install"}},
	}
}
