package confine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// mountSteps are the steps of what it sees of the file system. They are taken
// with all privileges, in a mount namespace that the clone has made.
//
// What is new comes before what is protected: a path of the manifest means what
// is there in the end, such as /proc/kcore in a /proc of its own.
func mountSteps(c *generation.Confinement) []Step {
	var steps []Step
	add := func(key, does string, do func() error) {
		steps = append(steps, Step{spec.StageMounts, does, inKey(key, do)})
	}
	if c.Cgroup && !hasInit(c) { // Else init has done so.
		add("cgroup", "cgroup namespace below its own cgroup", unshareCgroup)
	}
	view := viewKeys(c)
	if len(view) == 0 {
		return steps
	}
	add(view[0], "mounts private: none comes or goes through outside", makePrivate)
	if c.PID {
		add("pid", "/proc of its own processes", mountProc)
	}
	if c.Cgroup {
		add("cgroup", "cgroup file system from its own cgroup on", mountCgroup)
	}
	if c.PrivateDevices {
		add("private_devices", "/dev with "+strings.Join(deviceNames[:], ", ")+", pts and shm of its own", func() error { return mountDevices(c) })
	}
	if c.PrivateTmp {
		add("private_tmp", "empty /tmp and /var/tmp", mountTmp)
	}
	if rules := rulesOf(c); len(rules) > 0 {
		steps = append(steps, Step{spec.StageMounts, "paths: " + rulesText(rules), func() error { return applyRules(rules, c.User) }})
	}
	return steps
}

// inKey names the key of isolation that an error belongs to.
func inKey(key string, do func() error) func() error {
	return func() error {
		if err := do(); err != nil {
			return fmt.Errorf("isolation.%s: %w", key, err)
		}
		return nil
	}
}

func unshareCgroup() error {
	return os.NewSyscallError("unshare CLONE_NEWCGROUP", unix.Unshare(unix.CLONE_NEWCGROUP))
}

// makePrivate cuts the propagation of mounts both ways. Were it one-way, as
// MS_SLAVE is, a file system that is mounted outside later would appear in
// here, and be writable below a path that is protected.
func makePrivate() error {
	return os.NewSyscallError("mount MS_PRIVATE", unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
}

// noSurprise: nothing there is a program, a device, or of another user's power.
const noSurprise = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

func mountProc() error { return mount("proc", "/proc", noSurprise, "") }

// mountCgroup mounts cgroup2 anew where it is, if anywhere: a new mount begins
// at the root of the namespace.
func mountCgroup() error {
	at, err := cgroupMount()
	if err != nil || at == "" {
		return err
	}
	err = mount("cgroup2", at, noSurprise, "")
	if errors.Is(err, unix.EBUSY) {
		return nil // Its cgroup is the root of what is there already.
	}
	return err
}

// cgroupMount finds the mount point in /proc/self/mountinfo (proc(5)), whose
// fields are the root (4th), the point (5th), and after a dash the type.
func cgroupMount() (string, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		before, after, _ := strings.Cut(line, " - ")
		if fields := strings.Fields(before); len(fields) > 4 && strings.HasPrefix(after, "cgroup2 ") {
			return fields[4], nil
		}
	}
	return "", nil
}

func mountTmp() error {
	for _, at := range privateTmp {
		err := mount("tmpfs", at, unix.MS_NOSUID|unix.MS_NODEV, "mode=1777")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

var privateTmp = [...]string{"/tmp", "/var/tmp"}

func mount(kind, at string, flags uintptr, options string) error {
	if err := unix.Mount(kind, at, kind, flags, options); err != nil {
		return fmt.Errorf("cannot mount %s on %q: %w", kind, at, err)
	}
	return nil
}
