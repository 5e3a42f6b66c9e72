package confine

import (
	"bytes"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// isolationKey is a key of isolation that a kernel may not be able to fulfil.
type isolationKey struct {
	name  string
	stage spec.Stage
	asked func(c *generation.Confinement) bool
	// lack says why this kernel cannot, nil where it can.
	lack func(c *generation.Confinement) error
	drop func(c *generation.Confinement)
}

// isolationKeys are all of them, in the order in which they are reported.
var isolationKeys = [...]isolationKey{
	toggle("user", func(c *generation.Confinement) *bool { return &c.User }, "user"),
	toggle("mount", func(c *generation.Confinement) *bool { return &c.Mount }, "mnt"),
	toggle("pid", func(c *generation.Confinement) *bool { return &c.PID }, "pid", "mnt"),
	toggle("network", func(c *generation.Confinement) *bool { return &c.Network }, "net"),
	toggle("ipc", func(c *generation.Confinement) *bool { return &c.IPC }, "ipc"),
	toggle("uts", func(c *generation.Confinement) *bool { return &c.UTS }, "uts"),
	toggle("cgroup", func(c *generation.Confinement) *bool { return &c.Cgroup }, "cgroup"),
	toggle("private_tmp", func(c *generation.Confinement) *bool { return &c.PrivateTmp }, "mnt"),
	toggle("private_devices", func(c *generation.Confinement) *bool { return &c.PrivateDevices }, "mnt"),
	{"protect_system", spec.StageClone, func(c *generation.Confinement) bool { return c.ProtectSystem != "" },
		namespaced("mnt"), func(c *generation.Confinement) { c.ProtectSystem = "" }},
	paths("read_only_paths", func(c *generation.Confinement) *[]string { return &c.ReadOnly }),
	paths("read_write_paths", func(c *generation.Confinement) *[]string { return &c.ReadWrite }),
	paths("inaccessible_paths", func(c *generation.Confinement) *[]string { return &c.Inaccessible }),
	{"apparmor_profile", spec.StageLSM, func(c *generation.Confinement) bool { return c.AppArmor != "" },
		func(*generation.Confinement) error { return lackOfAppArmor() }, func(c *generation.Confinement) { c.AppArmor = "" }},
	{"selinux_context", spec.StageLSM, func(c *generation.Confinement) bool { return c.SELinux != "" },
		func(*generation.Confinement) error { return lackOfSELinux() }, func(c *generation.Confinement) { c.SELinux = "" }},
	{"landlock", spec.StageLandlock, func(c *generation.Confinement) bool { return c.Landlock != nil },
		func(c *generation.Confinement) error { return landlockLack(c.Landlock, landlockVersion()) },
		func(c *generation.Confinement) { c.Landlock = withoutPorts(c.Landlock, landlockVersion()) }},
	{"seccomp", spec.StageSeccomp, func(c *generation.Confinement) bool { return c.Seccomp != nil },
		func(*generation.Confinement) error { return lackOfSeccomp() }, func(c *generation.Confinement) { c.Seccomp = nil }},
}

func toggle(name string, of func(*generation.Confinement) *bool, needs ...string) isolationKey {
	return isolationKey{name, spec.StageClone, func(c *generation.Confinement) bool { return *of(c) },
		namespaced(needs...), func(c *generation.Confinement) { *of(c) = false }}
}

func paths(name string, of func(*generation.Confinement) *[]string) isolationKey {
	return isolationKey{name, spec.StageClone, func(c *generation.Confinement) bool { return len(*of(c)) > 0 },
		namespaced("mnt"), func(c *generation.Confinement) { *of(c) = nil }}
}

// settle decides what of l's Confinement this kernel can do. What it cannot is
// left out and named where best_effort says so, and else refuses the launch,
// before anything of it is done.
func settle(l *Launch) (missing []string, err error) {
	if l.Confinement == nil {
		return nil, nil
	}
	c := *l.Confinement
	for _, key := range isolationKeys {
		if !key.asked(&c) {
			continue
		}
		err := key.lack(&c)
		if err == nil {
			continue
		}
		if !slices.Contains(c.BestEffort, key.name) {
			return nil, Fail(key.stage, fmt.Errorf("isolation.%s: %w", key.name, err))
		}
		had := c
		key.drop(&c)
		if c.Landlock == had.Landlock || c.Landlock == nil {
			missing = append(missing, key.name)
			continue
		}
		if had.Landlock.Bind != nil {
			missing = append(missing, "landlock.tcp_bind")
		}
		if had.Landlock.Connect != nil {
			missing = append(missing, "landlock.tcp_connect")
		}
	}
	if len(missing) > 0 {
		l.Confinement = &c
	}
	return missing, nil
}

// namespaced says what keeps this kernel from making the named namespaces.
func namespaced(files ...string) func(*generation.Confinement) error {
	return func(*generation.Confinement) error {
		for _, n := range namespaces {
			if slices.Contains(files, n.file) {
				if err := n.lack("/proc"); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// lack looks for the namespace's file, which is there if the kernel was built
// with it, and for a limit of 0, by which administrators forbid one
// (namespaces(7)). The clone has the last word.
func (n *namespace) lack(proc string) error {
	if _, err := os.Lstat(proc + "/self/ns/" + n.file); err != nil {
		return fmt.Errorf("this kernel has no %s namespaces: %w", n.file, unix.EOPNOTSUPP)
	}
	text, err := os.ReadFile(proc + "/sys/user/" + n.limit)
	if err == nil && string(bytes.TrimSpace(text)) == "0" {
		return fmt.Errorf("user.%s is 0 (sysctl): %w", n.limit, unix.ENOSPC)
	}
	return nil
}

// withoutPorts is what is left of l where only the ports cannot be restricted.
func withoutPorts(l *generation.Landlock, version int) *generation.Landlock {
	if version == 0 {
		return nil
	}
	return &generation.Landlock{ReadOnly: l.ReadOnly, ReadWrite: l.ReadWrite}
}

// lackOfSeccomp asks for filters (seccomp(2)).
func lackOfSeccomp() error {
	if _, err := os.Lstat("/proc/sys/kernel/seccomp/actions_avail"); err != nil {
		return fmt.Errorf("this kernel has no seccomp filters: %w", unix.EOPNOTSUPP)
	}
	return nil
}
