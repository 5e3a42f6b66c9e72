package confine

import (
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// landlockSteps are the step of landlock(7): from there on, files below the
// named paths and TCP ports are all that it may use, whatever its user may.
func landlockSteps(c *generation.Confinement) []Step {
	if c.Landlock == nil {
		return nil
	}
	return []Step{{spec.StageLandlock, "landlock: " + landlockText(c.Landlock), inKey("landlock", func() error { return landlock(c.Landlock) })}}
}

func landlockText(l *generation.Landlock) string {
	texts := []string{fmt.Sprintf("reads %q, writes %q", l.ReadOnly, l.ReadWrite)}
	for _, ports := range []struct {
		does string
		list []uint16
	}{{"binds", l.Bind}, {"connects", l.Connect}} {
		if ports.list != nil {
			texts = append(texts, fmt.Sprintf("%s TCP %v", ports.does, ports.list))
		}
	}
	return strings.Join(texts, ", ")
}

// What of files there is to allow (linux/landlock.h), in three parts: to read
// and execute; to write to what is there; to make and remove.
const (
	landlockRead  = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	landlockWrite = unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	landlockMake  = unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_REFER |
		unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK |
		unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK | unix.LANDLOCK_ACCESS_FS_MAKE_SYM
	// landlockFile is what makes sense for a file that is no directory; the
	// kernel refuses the rest.
	landlockFile = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | landlockWrite
)

// landlockSince says from which version of the interface on something can be
// restricted (landlock(7), VERSIONS). The first one came with Linux 5.13; what a
// kernel does not know yet it leaves as it is, except for REFER, which version 1
// denies always.
var landlockSince = [...]struct {
	version int
	access  uint64
}{
	{2, unix.LANDLOCK_ACCESS_FS_REFER},     // Linux 5.19
	{3, unix.LANDLOCK_ACCESS_FS_TRUNCATE},  // Linux 6.2
	{5, unix.LANDLOCK_ACCESS_FS_IOCTL_DEV}, // Linux 6.10
}

// landlockTCP is the version that knows ports (Linux 6.7), and ruleNetPort the
// kind of rule for them (LANDLOCK_RULE_NET_PORT). What version 6 adds, scopes of
// abstract unix sockets and of signals, no manifest asks for.
const (
	landlockTCP = 4
	ruleNetPort = 2
)

// landlockVersion is that of the running kernel, 0 if it has no Landlock, or if
// that is not among the security modules that it was booted with (lsm=).
func landlockVersion() int {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(version)
}

// handled is all that a ruleset for l restricts with this version.
func handled(l *generation.Landlock, version int) unix.LandlockRulesetAttr {
	attr := unix.LandlockRulesetAttr{Handled_access_fs: landlockRead | landlockWrite | landlockMake}
	for _, since := range landlockSince {
		if version < since.version {
			attr.Handled_access_fs &^= since.access
		}
	}
	if l.Bind != nil {
		attr.Handled_access_net |= unix.LANDLOCK_ACCESS_NET_BIND_TCP
	}
	if l.Connect != nil {
		attr.Handled_access_net |= unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	return attr
}

// rulesetSize is how much of the attributes a version knows.
func rulesetSize(version int) uintptr {
	var attr unix.LandlockRulesetAttr
	if version < landlockTCP {
		return unsafe.Offsetof(attr.Handled_access_net)
	}
	return unsafe.Offsetof(attr.Scoped)
}

func landlock(l *generation.Landlock) error {
	version := landlockVersion()
	if err := landlockLack(l, version); err != nil {
		return err
	}
	attr := handled(l, version)
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), rulesetSize(version), 0)
	if errno != 0 {
		return os.NewSyscallError("landlock_create_ruleset", errno)
	}
	rulesetFD := int(fd)
	defer unix.Close(rulesetFD)
	for _, paths := range []struct {
		list   []string
		access uint64
	}{{l.ReadOnly, landlockRead}, {l.ReadWrite, landlockRead | landlockWrite | landlockMake}} {
		for _, path := range paths.list {
			if err := allowPath(rulesetFD, path, paths.access&attr.Handled_access_fs); err != nil {
				return err
			}
		}
	}
	if err := allowPorts(rulesetFD, l); err != nil {
		return err
	}
	_, _, errno = unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(rulesetFD), 0, 0)
	return wrapErrno("landlock_restrict_self", errno)
}

// landlockLack says what of l this version cannot restrict.
func landlockLack(l *generation.Landlock, version int) error {
	switch {
	case version == 0:
		return fmt.Errorf("this kernel has no Landlock, or was booted without it (lsm=): %w", unix.EOPNOTSUPP)
	case version < landlockTCP && (l.Bind != nil || l.Connect != nil):
		return fmt.Errorf("tcp_bind and tcp_connect take Linux 6.7, and this kernel has version %d of Landlock: %w", version, unix.EOPNOTSUPP)
	}
	return nil
}

// allowPath opens it as the service's user: what that cannot reach needs no rule,
// but a rule that cannot be made is a mistake that somebody should hear of.
func allowPath(rulesetFD int, path string, access uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot open %q: %w", path, err)
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return fmt.Errorf("cannot look at %q: %w", path, err)
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		access &= landlockFile
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(rulesetFD), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	return wrapErrno(fmt.Sprintf("landlock_add_rule for %q", path), errno)
}

// netPort is struct landlock_net_port_attr.
type netPort struct{ access, port uint64 }

func allowPorts(rulesetFD int, l *generation.Landlock) error {
	for _, ports := range []struct {
		list   []uint16
		access uint64
	}{{l.Bind, unix.LANDLOCK_ACCESS_NET_BIND_TCP}, {l.Connect, unix.LANDLOCK_ACCESS_NET_CONNECT_TCP}} {
		for _, port := range ports.list {
			rule := netPort{ports.access, uint64(port)}
			_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(rulesetFD), ruleNetPort, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
			if errno != 0 {
				return wrapErrno(fmt.Sprintf("landlock_add_rule for port %d", port), errno)
			}
		}
	}
	return nil
}

func wrapErrno(call string, errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	return os.NewSyscallError(call, errno)
}
