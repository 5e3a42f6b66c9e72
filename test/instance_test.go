//go:build e2e

package test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// mode is how an instance of sysg holds its services together, and as whom it
// runs.
type mode string

const (
	inCgroup  mode = "cgroup"
	inSession mode = "session"
	asUser    mode = "user"
	asSystem  mode = "system"
)

var modes = []mode{inCgroup, inSession, asUser, asSystem}

// userID is an unprivileged uid that owns nothing on this machine.
const userID = 64017

// patience bounds every wait of a script. It is generous: what it waits for
// takes milliseconds, but the machine may be busy.
const patience = 30 * time.Second

// instance is one installation of sysg with folders of its own.
type instance struct {
	mode mode
	home string // short, since unix socket paths end at 108 bytes
	bin  string
	work string
	vars []string
	// cgroup is the home of its services below the mount, once one was seen.
	cgroup string
}

func (i *instance) state() string      { return i.place("/var/lib/systemg", "data/systemg") }
func (i *instance) logs() string       { return i.place("/var/log/systemg", "data/systemg/logs") }
func (i *instance) runtimeDir() string { return i.place("/run/systemg", "run/systemg") }

// place is a path of the system's instance, or one below our own folder.
func (i *instance) place(system, own string) string {
	if i.mode == asSystem {
		return system
	}
	return filepath.Join(i.home, own)
}

type instanceKey struct{}

// newInstance prepares the folders and the environment of a script, and
// arranges that it ends with nothing of it alive.
func newInstance(env *testscript.Env, m mode) error {
	home, err := os.MkdirTemp(scratch(m), "sy")
	if err != nil {
		return err
	}
	examples, err := filepath.Abs("../examples")
	if err != nil {
		return err
	}
	i := &instance{mode: m, home: home, work: env.WorkDir, bin: filepath.Join(home, "bin")}
	for _, folder := range []string{i.bin, filepath.Join(home, "data"), filepath.Join(home, "run")} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			return err
		}
	}
	if err := i.linkPrograms(); err != nil {
		return err
	}
	i.vars = []string{
		"HOME=" + home,
		"XDG_DATA_HOME=" + filepath.Join(home, "data"),
		"XDG_RUNTIME_DIR=" + filepath.Join(home, "run"),
		"XDG_CONFIG_HOME=" + filepath.Join(home, "config"),
		"STATE=" + i.state(),
		"LOGS=" + i.logs(),
		"RUNTIME=" + i.runtimeDir(),
		"PATH=" + i.bin + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"MODE=" + string(m),
		"EXAMPLES=" + examples,
		"NO_COLOR=1",
	}
	if m == inCgroup && os.Geteuid() == 0 {
		// Only a cgroup finds a process that has left its session and lost its
		// environment and its parent.
		i.vars = append(i.vars, "CLEAN=env -i")
	}
	if m == inSession {
		if err := i.withoutCgroups(); err != nil {
			return err
		}
	}
	if m == asSystem {
		if err := i.prepareSystem(); err != nil {
			return err
		}
	}
	env.Vars = append(env.Vars, i.vars...)
	env.Values[instanceKey{}] = i
	if m == asUser {
		if err := giveAway(userID, home, env.WorkDir); err != nil {
			return err
		}
	}
	env.Defer(func() {
		defer os.RemoveAll(home)
		if err := i.end(); err != nil {
			env.T().Log(err.Error())
			i.showLog(env)
			env.T().Fatal("the script left something behind")
		}
	})
	return nil
}

// linkPrograms fills the script's own bin folder. For another user sysg is a
// wrapper that becomes that user first; exec keeps the pid, so that a signal
// to it reaches sysg.
func (i *instance) linkPrograms() error {
	entries, err := os.ReadDir(programs)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		target := filepath.Join(programs, entry.Name())
		if err := os.Symlink(target, filepath.Join(i.bin, entry.Name())); err != nil {
			return err
		}
	}
	if i.mode != asUser {
		return nil
	}
	wrapper := filepath.Join(i.bin, "sysg")
	if err := os.Remove(wrapper); err != nil {
		return err
	}
	text := fmt.Sprintf("#!/bin/sh\nexec setpriv --reuid=%d --regid=%d --clear-groups --inh-caps=-all %s \"$@\"\n",
		userID, userID, filepath.Join(programs, "sysg"))
	return os.WriteFile(wrapper, []byte(text), 0o755)
}

// withoutCgroups puts a wrapper before sysg-exec that tells it so; exec keeps the
// pid, which LISTEN_PID names.
func (i *instance) withoutCgroups() error {
	folder := filepath.Join(i.home, "libexec")
	i.vars = append(i.vars, "SYSG_LIBEXEC="+folder)
	text := fmt.Sprintf("#!/bin/sh\nverb=$1; shift\nexec %s \"$verb\" --containment session \"$@\"\n",
		filepath.Join(programs, "sysg-exec"))
	return errors.Join(os.Mkdir(folder, 0o755), os.WriteFile(filepath.Join(folder, "sysg-exec"), []byte(text), 0o755))
}

// giveAway makes uid the owner of everything below the folders.
func giveAway(uid int, folders ...string) error {
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(path, uid, uid))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// end stops the instance and complains of everything that lives on.
func (i *instance) end() error {
	before := i.family()
	began := time.Now()
	output, stopErr := i.sysg("stop", "--supervisor")
	if took := time.Since(began); took > patience/2 {
		stopErr = errors.Join(stopErr, fmt.Errorf("it took %s", took))
	}
	left := i.survivors(before)
	// The kernel lets go of a daemon's lock a moment before the process is gone.
	for deadline := time.Now().Add(time.Second); len(left) > 0 && time.Now().Before(deadline); left = i.survivors(before) {
		time.Sleep(time.Millisecond)
	}
	if len(left) == 0 {
		return i.leftCgroups()
	}
	problem := fmt.Errorf("after `sysg stop --supervisor` (%v) these are alive:\n%s\nit said:\n%s", stopErr, describe(left), output)
	for _, pid := range left {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	return problem
}

// processes finds everything of the instance: by its folder in the environment
// or in the arguments, so that a service which left its session is found too.
func (i *instance) processes() []int {
	if i.mode == asSystem {
		return unitProcesses()
	}
	var found []int
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		environ, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "environ"))
		cmdline, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		if strings.Contains(string(environ)+string(cmdline), i.home+"/") {
			found = append(found, pid)
		}
	}
	return found
}

// family is every process of the instance and every descendant of one, by pid
// and time of birth: some programs overwrite their environment.
func (i *instance) family() map[int]string {
	parents, births := map[int]int{}, map[int]string{}
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if parent, birth, ok := stat(pid); ok {
			parents[pid], births[pid] = parent, birth
		}
	}
	family := map[int]string{}
	for _, pid := range i.processes() {
		family[pid] = births[pid]
	}
	for grown := true; grown; {
		grown = false
		for pid, parent := range parents {
			if _, known := family[pid]; !known && family[parent] != "" {
				family[pid], grown = births[pid], true
			}
		}
	}
	return family
}

// stat reads the parent and the time of birth of a process; see proc(5).
func stat(pid int) (parent int, birth string, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, "", false
	}
	_, after, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(after)
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return 0, "", false
	}
	parent, err = strconv.Atoi(fields[1])
	return parent, fields[19], err == nil
}

// survivors is who of the family lives still, with what is found anew.
func (i *instance) survivors(family map[int]string) []int {
	left := i.processes()
	for pid, birth := range family {
		if _, now, alive := stat(pid); alive && now == birth && !slices.Contains(left, pid) {
			left = append(left, pid)
		}
	}
	return left
}

// leftCgroups complains of the instance's cgroup, which goes with it, or of what is
// left in the one that a unit holds.
func (i *instance) leftCgroups() error {
	if i.cgroup == "" {
		return nil
	}
	left := i.cgroup
	if i.mode == asSystem {
		left += "/p-*"
	}
	for _, mount := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		if found, _ := filepath.Glob(filepath.Join(mount, left)); len(found) > 0 {
			return fmt.Errorf("cgroups are left: %q", found)
		}
	}
	return nil
}

func describe(pids []int) string {
	var lines []string
	for _, pid := range pids {
		cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		lines = append(lines, fmt.Sprintf("%d %s", pid, strings.ReplaceAll(string(cmdline), "\x00", " ")))
	}
	return strings.Join(lines, "\n")
}

// showLog prints the end of the daemons' own log, which says why.
func (i *instance) showLog(env *testscript.Env) {
	env.T().Log("the daemons' log ends with:\n" + i.logEnd())
}

func (i *instance) logEnd() string {
	text, err := os.ReadFile(filepath.Join(i.logs(), "supervisor.log"))
	if i.mode == asSystem {
		text, err = exec.Command("journalctl", "--no-pager", "-q", "-n", "60", "-u", "sysg*").CombinedOutput()
	}
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-6000):])
}
