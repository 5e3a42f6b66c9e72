//go:build e2e

package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The mode `system`, from inside: a script has a booted container to itself
// (pool_test.go), where the system's instance is installed and systemd starts the
// daemons. What the last script has left is removed before.

// Where the pool puts what a script needs.
const (
	insideTest     = "/opt/test"
	insideExamples = "/opt/examples"
	insidePrograms = "/usr/local/sbin" // where services look for theirs
)

// scratch is where the folders of a script are made. sysgd has a /tmp of its own
// in the system's instance, and sockets of services have to be elsewhere.
func scratch(m mode) string {
	if m == asSystem {
		return "/srv"
	}
	return "/tmp"
}

// asInstalled makes the instance as it is after an installation, but that services
// run that name no user, as most scripts do not.
const asInstalled = `set -e
systemctl stop sysgd.socket sysg-exec.socket sysgd sysg-exec sysg-services
systemctl reset-failed
rm -rf /var/lib/systemg /var/log/systemg /run/systemg /etc/systemg
systemd-tmpfiles --create systemg.conf
echo 'services: {default_user: root}' >/etc/systemg/sysgd.conf
systemctl start sysgd.socket`

// prepareSystem removes what was, and puts a sysg of the system's before the one
// that would be root's own.
func (i *instance) prepareSystem() error {
	if output, err := exec.Command("sh", "-c", asInstalled).CombinedOutput(); err != nil {
		return fmt.Errorf("cannot make the instance new: %w\n%s", err, output)
	}
	wrapper := filepath.Join(i.bin, "sysg")
	if err := os.Chmod(i.home, 0o755); err != nil {
		return err
	}
	return os.WriteFile(wrapper, []byte("#!/bin/sh\nexec /usr/bin/sysg --sys \"$@\"\n"), 0o755)
}

// unitProcesses is every process of the instance: those of its units and of the
// script's own, without the one that holds the home of the services. It finds
// nothing where there are no units, as on the machine itself: what is found is
// killed in the end.
func unitProcesses() []int {
	var found []int
	own := unitOf(os.Getpid())
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		unit := unitOf(pid)
		if unit != "" && slices.Contains([]string{"sysgd.service", "sysg-exec.service", "sysg-services.service", own}, unit) && !holds(pid) {
			found = append(found, pid)
		}
	}
	return found
}

// unitOf reads the unit of a process off its cgroup, which is
// "0::/system.slice/UNIT/…" in version 2.
func unitOf(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	_, path, _ := strings.Cut(string(text), "0::/system.slice/")
	unit, _, _ := strings.Cut(strings.TrimSpace(path), "/")
	return unit
}

// holds says whether it is the process that holds the home of the services, or,
// where no systemd does, what must outlive the daemons.
func holds(pid int) bool {
	cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.Contains(string(cmdline), "sysg-exec\x00hold\x00")
}
