//go:build e2e

package test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// outside makes a copy of this machine's files that lasts as long as its mount
// namespace: what is written there goes to memory. $0 is the folder of the
// scripts, $1 that of the programs.
const outside = `set -e
memory=$(mktemp -d)
mount -t tmpfs -o mode=0755 none "$memory"
mkdir "$memory"/up "$memory"/work "$memory"/root
mount -t overlay -o "lowerdir=/,upperdir=$memory/up,workdir=$memory/work" none "$memory"/root
cd "$memory"/root
mount -t proc none proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs -o mode=0755 none run
rm -rf var/lib/systemg var/log/systemg etc/systemg
mkdir -p opt/test
cp -r "$0" "$1" opt/test
exec chroot . /opt/test/"$(basename "$0")"/inside.sh /opt/test/"$(basename "$0")" /opt/test/"$(basename "$1")"`

// TestRealProgramsUnderSeccomp runs servers of several kinds in the system's
// instance under each profile (programs/inside.sh).
func TestRealProgramsUnderSeccomp(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("not root, which the system's instance needs")
		}
		t.Skip("not root, which the system's instance needs")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "bash", "-c", outside, absolute(t, "programs"), programs)
	// The end of the first process of a pid namespace is the end of all in it.
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:   syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC,
		Unshareflags: syscall.CLONE_NEWNS, // makes propagation private
		Pdeathsig:    syscall.SIGKILL,
	}
	var console bytes.Buffer
	command.Stdout, command.Stderr = &console, &console
	if err := command.Run(); err != nil {
		t.Errorf("the script: %v", err)
	}
	report(t, console.Bytes())
}
