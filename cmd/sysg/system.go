package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/paths"
)

// Starting the system's instance, which is systemd's to do where it runs and has
// our units. Elsewhere, such as in a container, sysg does by itself what the
// units, sysusers.d and tmpfiles.d say: the same folders, the same modes of the
// sockets, the helper as root and the daemon as its own user.

// startSystem makes both daemons of the system's instance run.
func (i *instance) startSystem(dir string) error {
	if os.Geteuid() != 0 {
		return noSystemSupervisor()
	}
	if unitsOfSystemd() {
		return startUnits()
	}
	if err := makeSystemFolders(); err != nil {
		return err
	}
	return i.startBoth(dir)
}

// noSystemSupervisor is noSupervisor of the system's instance.
func noSystemSupervisor() *api.Diagnostic {
	return &api.Diagnostic{
		Code: api.CodeNoSupervisor, Title: "no system supervisor is running",
		Help: []api.Help{
			{Label: "have systemd start it", Command: "sudo systemctl enable --now sysgd.socket sysgd.service"},
			{Label: "start it with a manifest", Command: "sudo sysg --sys start -c FILE"},
		},
	}
}

// unitsOfSystemd says whether systemd runs here, see sd_booted(3), and knows our
// units, see UNIT FILE LOAD PATH in systemd.unit(5).
func unitsOfSystemd() bool {
	if !exists("/run/systemd/system") {
		return false
	}
	for _, folder := range []string{"/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"} {
		if exists(filepath.Join(folder, "systemd", "system", "sysgd.socket")) {
			return true
		}
	}
	return false
}

// startUnits has systemd do it. The services of sysg then live in a unit of
// their own, and not in the session of whoever called us.
func startUnits() error {
	command := exec.Command("systemctl", "start", "sysg-exec.socket", "sysgd.socket")
	said, err := command.CombinedOutput()
	if err != nil {
		return &api.Diagnostic{
			Code: api.CodeHelper, Title: "systemd cannot start the supervisor: " + strings.TrimSpace(string(said)),
			Help: []api.Help{{Label: "see why", Command: "systemctl status sysgd.socket sysgd.service sysg-exec.socket sysg-exec.service"}},
		}
	}
	return nil
}

// makeSystemFolders makes what tmpfiles.d would, and as it does gives folders
// that are there already to whom they have to belong. One that is somebody
// else's is refused: its owner would decide what root launches.
func makeSystemFolders() error {
	for _, f := range paths.SystemFolders() {
		uid, gid, err := numbers(f.Owner, f.Group)
		if err != nil {
			return err
		}
		if err := makeFolder(f.Path, f.Mode, uid, gid); err != nil {
			return err
		}
	}
	return nil
}

func makeFolder(path string, mode fs.FileMode, uid, gid int) error {
	err := os.Mkdir(path, mode.Perm()&0o700)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
			err = os.Mkdir(path, mode.Perm()&0o700)
		}
	}
	if err == nil {
		// Chown takes the setgid bit away, so the mode comes last.
		return errors.Join(os.Lchown(path, uid, gid), os.Chmod(path, mode))
	}
	if !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("cannot make a folder of the system's instance: %w", err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(stat.Uid) != uid && stat.Uid != 0 {
		return &api.Diagnostic{
			Code: api.CodeInternal, Title: fmt.Sprintf("folder %q is not as the system's instance needs it", path),
			Notes: []string{fmt.Sprintf("it has to be a folder of root's or of uid %d; it is %s of uid %d", uid, info.Mode(), stat.Uid)},
		}
	}
	return errors.Join(os.Lchown(path, uid, gid), os.Chmod(path, mode))
}

// numbers are those of an account and a group of ours.
func numbers(owner, group string) (uid, gid int, err error) {
	account, err := user.Lookup(owner)
	if err == nil {
		uid, err = strconv.Atoi(account.Uid)
	}
	if err != nil {
		return 0, 0, noAccounts(err)
	}
	members, err := user.LookupGroup(group)
	if err == nil {
		gid, err = strconv.Atoi(members.Gid)
	}
	if err != nil {
		return 0, 0, noAccounts(err)
	}
	return uid, gid, nil
}

func noAccounts(err error) error {
	return &api.Diagnostic{
		Code: api.CodeHelper, Title: "the accounts of the system's instance are missing: " + err.Error(),
		Notes: []string{"it has the user and group " + paths.Daemon + " for its daemon, and the group " + paths.Operators + " for people who operate services"},
		Help: []api.Help{
			{Label: "where systemd is installed", Command: "systemd-sysusers systemg.conf"},
			{Label: "elsewhere", Command: "groupadd --system sysg && useradd --system --user-group --no-create-home --home-dir / --shell /usr/sbin/nologin sysgd"},
		},
	}
}

// openToOthers gives a socket its mode: anybody may talk to the daemon, which
// judges each call by its caller, and only the daemon to the helper.
func openToOthers(d daemon, path string) error {
	if d.name == sysgd.name {
		return os.Chmod(path, 0o666)
	}
	uid, gid, err := numbers("root", paths.Daemon)
	if err != nil {
		return err
	}
	return errors.Join(os.Lchown(path, uid, gid), os.Chmod(path, 0o660))
}

// become is how a daemon is to be started: in a session of its own, and sysgd of
// the system as its user without groups or privileges.
func (i *instance) become(d daemon) (*syscall.SysProcAttr, []string, error) {
	attributes := &syscall.SysProcAttr{Setsid: true}
	if !i.system || d.name != sysgd.name {
		return attributes, nil, nil
	}
	uid, gid, err := numbers(paths.Daemon, paths.Daemon)
	if err != nil {
		return nil, nil, err
	}
	attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attributes, []string{"--no-new-privileges"}, nil
}

// systemEnvironment is what the daemons of the system get to see: nothing of
// who calls us but the level of what they say, and where coverage is written.
func (i *instance) systemEnvironment() []string {
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/"}
	for _, name := range []string{"LANG", "TZ", "GOCOVERDIR"} {
		if value := i.env(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	level := i.level()
	if level == "" {
		level = i.env("SYSG_LOG_LEVEL")
	}
	if level != "" {
		env = append(env, "SYSG_LOG_LEVEL="+level)
	}
	return env
}

// makeOwned makes a file whose owner is that of its folder, if there is none.
// Only what we made is given away: by O_EXCL it is no link to something else.
func makeOwned(path string) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return
	}
	defer func() { _ = file.Close() }()
	if info, err := os.Stat(filepath.Dir(path)); err == nil {
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			_ = file.Chown(int(stat.Uid), int(stat.Gid))
		}
	}
}
