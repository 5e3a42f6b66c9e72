//go:build e2e

package test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"systemg.org/sysg/pkg/cgroup"
)

// The mode `system`: scripts run against the system's instance, whose places are
// fixed. Each has them to itself in a mount namespace, which a process holds, and
// a cgroup of its own. The accounts are there in that namespace alone: root, who
// calls sysg and is the helper; sysgd; and the users of services.

// The accounts beside root.
const (
	daemonID    = 64018
	operatorsID = 64019
)

// systemSettings lets services run that name no user, as most scripts do not.
const systemSettings = "services: {default_user: root}\n"

// place is where the folders of the system's instance really are.
func (i *instance) place(name string) string { return filepath.Join(i.home, name) }

// prepareSystem makes the places and accounts.
func (i *instance) prepareSystem() error {
	for _, folder := range []string{"data", "data/systemg", "logs", "run/systemg", "etc", "upper"} {
		if err := os.MkdirAll(i.place(folder), 0o755); err != nil {
			return err
		}
	}
	if err := errors.Join(
		os.Symlink(i.place("logs"), filepath.Join(i.state(), "logs")), // where scripts look
		os.Chmod(i.home, 0o755), os.Chmod(i.bin, 0o755), os.Chmod(i.place("run"), 0o755),
		os.WriteFile(i.place("etc/sysgd.conf"), []byte(systemSettings), 0o644),
		i.accounts("passwd", fmt.Sprintf("sysgd:x:%d:%d::/:/usr/sbin/nologin\n", daemonID, daemonID)),
		i.accounts("group", fmt.Sprintf("sysgd:x:%d:\nsysg:x:%d:\n", daemonID, operatorsID)),
	); err != nil {
		return err
	}
	if err := i.ownCgroup(); err != nil {
		return err
	}
	if err := i.holdNamespace(); err != nil {
		return err
	}
	wrapper := filepath.Join(i.bin, "sysg")
	text := fmt.Sprintf(`#!/bin/sh
echo $$ >%s/cgroup.procs || exit 1
exec nsenter --mount=/proc/%d/ns/mnt --wdns="$PWD" %s --sys "$@"
`, i.base, i.holder.Process.Pid, filepath.Join(programs, "sysg"))
	return writeProgram(wrapper, text)
}

// writeProgram has another process write it: what we write ourselves may be
// open still, in a process of ours between fork and exec, when it is to be run
// (ETXTBSY in execve(2)).
func writeProgram(path, text string) error {
	command := exec.Command("sh", "-c", `rm -f "$0" && cat >"$0" && chmod 0755 "$0"`, path)
	command.Stdin = strings.NewReader(text)
	return command.Run()
}

// accounts writes the machine's accounts with ours.
func (i *instance) accounts(name, ours string) error {
	text, err := os.ReadFile(filepath.Join("/etc", name))
	if err != nil {
		return err
	}
	var kept strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "sysg:") && !strings.HasPrefix(line, "sysgd:") {
			kept.WriteString(line)
		}
	}
	return os.WriteFile(i.place(name), []byte(kept.String()+ours), 0o644)
}

// ownCgroup makes the cgroup that the instance lives in: without systemd the
// helper makes one for services below its own, by the name of its state, which
// is the same for all of us.
func (i *instance) ownCgroup() error {
	mount, err := cgroup.FindMount()
	if err != nil {
		return fmt.Errorf("mode system needs cgroups: %w", err)
	}
	i.base = filepath.Join(mount.Point, "sysg-e2e-"+filepath.Base(i.home))
	return os.Mkdir(i.base, 0o755)
}

// holdNamespace starts the process that has our folders in the system's places.
func (i *instance) holdNamespace() error {
	// The folders to mount on must not come into being on this machine: what is
	// above them is covered first. An overlay does for all but /run, through which
	// no socket could be reached.
	script := `set -e
upper=$1
shift
mount -t tmpfs -o mode=0755 tmpfs "$upper"
for above in /etc /var/lib /var/log; do
	mkdir -p "$upper$above/new" "$upper$above/work"
	mount -t overlay -o "lowerdir=$above,upperdir=$upper$above/new,workdir=$upper$above/work" overlay "$above"
done
mkdir "$upper/run"
mount --rbind /run "$upper/run"
mount -t tmpfs -o mode=0755 tmpfs /run
for entry in "$upper"/run/*; do
	[ "${entry##*/}" != systemg ] || continue
	if [ -L "$entry" ]; then cp -P "$entry" /run/
	elif [ -d "$entry" ]; then mkdir -p "/run/${entry##*/}"; mount --rbind "$entry" "/run/${entry##*/}"
	elif [ -e "$entry" ]; then : >"/run/${entry##*/}"; mount --bind "$entry" "/run/${entry##*/}"
	fi
done
for pair in "$@"; do
	from=${pair%%:*} to=${pair##*:}
	[ ! -d "$from" ] || mkdir -p "$to"
	mount --bind "$from" "$to"
done
echo ready
exec sleep infinity`
	args := []string{"--mount", "--propagation", "private", "sh", "-c", script, "sh", i.place("upper")}
	for _, pair := range [][2]string{
		{"data/systemg", "/var/lib/systemg"}, {"logs", "/var/log/systemg"}, {"run/systemg", "/run/systemg"},
		{"etc", "/etc/systemg"}, {"passwd", "/etc/passwd"}, {"group", "/etc/group"},
	} {
		args = append(args, i.place(pair[0])+":"+pair[1])
	}
	// Services find the programs of the tests where theirs are looked for.
	args = append(args, programs+":/usr/local/sbin")
	i.holder = exec.Command("unshare", args...)
	i.holder.Stderr = os.Stderr
	output, err := i.holder.StdoutPipe()
	if err != nil {
		return err
	}
	if err := i.holder.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil || line != "ready\n" {
		return fmt.Errorf("cannot make the places of the system's instance: %q, %w", line, err)
	}
	return nil
}

// endSystem gives back what prepareSystem took.
func (i *instance) endSystem() error {
	if i.holder == nil || i.holder.Process == nil {
		return nil
	}
	_ = i.holder.Process.Kill()
	_ = i.holder.Wait()
	return os.Remove(i.base)
}

// inNamespace says whether a process is in our mount namespace, or in our
// cgroup, in whose leaves services are that have a namespace of their own.
func (i *instance) inNamespace(pid int) bool {
	if _, _, alive := stat(pid); i.holder == nil || pid == i.holder.Process.Pid || !alive {
		return false
	}
	ours, err := os.Readlink("/proc/" + strconv.Itoa(i.holder.Process.Pid) + "/ns/mnt")
	theirs, _ := os.Readlink("/proc/" + strconv.Itoa(pid) + "/ns/mnt")
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	return err == nil && ours == theirs || slices.Contains(strings.Split(string(text), "/"), filepath.Base(i.base))
}
