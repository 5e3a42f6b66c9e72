package confine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// The kernel takes these at the next execve of the thread (apparmor(7),
// setexeccon(3)), which is the program's: sysg-exec itself needs no rights in
// any profile. Anybody may write his own.
const (
	appArmorCurrent = "/proc/thread-self/attr/apparmor/current"
	appArmorExec    = "/proc/thread-self/attr/apparmor/exec"
	seLinuxExec     = "/proc/thread-self/attr/exec"
)

// lsmSteps are the steps of AppArmor and SELinux.
func lsmSteps(c *generation.Confinement) []Step {
	var steps []Step
	if c.AppArmor != "" {
		steps = append(steps, Step{spec.StageLSM, fmt.Sprintf("AppArmor profile %q at the execve", c.AppArmor),
			inKey("apparmor_profile", func() error { return setAppArmor(c.AppArmor) })})
	}
	if c.SELinux != "" {
		steps = append(steps, Step{spec.StageLSM, fmt.Sprintf("SELinux context %q at the execve", c.SELinux),
			inKey("selinux_context", func() error { return setSELinux(c.SELinux) })})
	}
	return steps
}

func setAppArmor(profile string) error {
	if err := lackOfAppArmor(); err != nil {
		return err
	}
	err := atExec(appArmorExec, "exec "+profile, profile)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("profile %q is not loaded (apparmor_parser): %w", profile, err)
	}
	return err
}

func setSELinux(context string) error {
	if err := lackOfSELinux(); err != nil {
		return err
	}
	return atExec(seLinuxExec, context, context)
}

// atExec asks for a change at the execve, and looks whether it is noted. It is
// asked of the kernel: a process that has joined a service's namespaces sees as
// /proc whatever that has mounted there.
func atExec(path, request, want string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	var stat unix.Statfs_t
	if err := unix.Fstatfs(int(file.Fd()), &stat); err != nil {
		return os.NewSyscallError("fstatfs", err)
	}
	if stat.Type != unix.PROC_SUPER_MAGIC {
		return fmt.Errorf("%q is not the kernel's", path)
	}
	if _, err := file.WriteString(request); err != nil {
		return err
	}
	text := make([]byte, maxLabel)
	n, err := file.ReadAt(text, 0)
	if err != nil && err != io.EOF {
		return err
	}
	// AppArmor adds the mode, such as " (enforce)".
	if noted := strings.TrimRight(string(text[:n]), "\x00\n"); noted != want && !strings.HasPrefix(noted, want+" (") {
		return fmt.Errorf("the kernel noted %q, not %q", noted, want)
	}
	return nil
}

// maxLabel is what the kernel gives in one read of such a file, a page.
const maxLabel = 4096

// lackOfAppArmor asks for its own file, which is there also where the module is
// not in use, but can be read only where it is (Linux 5.8).
func lackOfAppArmor() error {
	if _, err := os.ReadFile(appArmorCurrent); err != nil {
		return fmt.Errorf("AppArmor is not in use on this kernel: %w", unix.EOPNOTSUPP)
	}
	return nil
}

// lackOfSELinux asks as is_selinux_enabled(3) does: the kernel has its file
// system only where it was booted with it.
func lackOfSELinux() error {
	text, err := os.ReadFile("/proc/filesystems")
	if err == nil && !strings.Contains(string(text), "\tselinuxfs\n") {
		err = fmt.Errorf("SELinux is not in use on this kernel: %w", unix.EOPNOTSUPP)
	}
	return err
}
