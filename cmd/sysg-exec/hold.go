package main

import (
	"fmt"
	"os"
	"path"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/cgroup"
	"systemg.org/sysg/pkg/sys"
)

// holderLeaf is the leaf by which a services unit is known.
const holderLeaf = "holder"

// hold is the main process of sysg-services.service. It moves out of the
// unit's cgroup into a leaf of its own, so that controllers can be enabled
// there, and waits for a signal. While it lives, systemd keeps the cgroup, and
// the kernel what is in its custody.
//
//	--custody PATH    keep it, and be asked for it there
//	--inherited PATH  the same for an instance that systemd does not run: with
//	                  what serve has made, and without a cgroup
//	--system          it is the system's instance
func hold(args []string) error {
	c, unit, err := parseHold(args)
	if err != nil {
		return err
	}
	sys.SetThreadName("sysg-holder")
	if unit {
		if err := moveIntoHolder(); err != nil {
			return err
		}
		// It is the home of services first of all.
		if err := c.open(); err != nil {
			fmt.Fprintf(os.Stderr, "sysg-exec: nothing can be kept for the case that both daemons die: %v\n", err)
			c.listener = -1
		}
		systemd := newManager()
		if err := systemd.tell("READY=1"); err != nil {
			return err
		}
	} else {
		c.inherit()
	}
	return c.run()
}

func parseHold(args []string) (c *custodian, unit bool, err error) {
	c, unit = &custodian{listener: -1}, true
	for len(args) > 0 {
		switch {
		case args[0] == "--system":
			c.system, args = true, args[1:]
		case len(args) > 1 && (args[0] == "--custody" || args[0] == "--inherited"):
			unit, c.path, args = args[0] == "--custody", args[1], args[2:]
		default:
			return nil, false, fmt.Errorf("unknown option %q\n%s", args[0], usage)
		}
	}
	return c, unit, nil
}

func moveIntoHolder() error {
	mount, err := cgroup.FindMount()
	if err != nil {
		return err
	}
	own, err := cgroup.Own()
	if err != nil {
		return err
	}
	below, seen := mount.Below(own)
	if !seen {
		return fmt.Errorf("cgroup %q is not below the mount %q", own, mount.Point)
	}
	// systemd may have put it there already (DelegateSubgroup).
	if path.Base(below) == holderLeaf {
		return nil
	}
	unit, err := cgroup.Open(mount, below)
	if err != nil {
		return err
	}
	defer unit.Close()
	leaf, err := unit.Ensure(holderLeaf)
	if err != nil {
		return err
	}
	defer leaf.Close()
	return leaf.Write("cgroup.procs", fmt.Sprint(os.Getpid()))
}

// protect keeps everybody who has no CAP_SYS_PTRACE from looking into us, and so
// from taking descriptors by pidfd_getfd(2): root without capabilities, and in a
// user's instance that user's other processes, which would have to ask.
func protect() error {
	return os.NewSyscallError("prctl PR_SET_DUMPABLE", unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0))
}

// open makes the socket and the shelves.
func (c *custodian) open() (err error) {
	if c.path == "" {
		return nil // A unit from before there was custody.
	}
	if err := protect(); err != nil {
		return err
	}
	if !c.system { // That of the system is made by tmpfiles.d.
		if err := os.MkdirAll(path.Dir(c.path), 0o700); err != nil {
			return err
		}
	}
	if c.ends[0], c.ends[1], err = sys.PacketPair(); err != nil {
		return err
	}
	if c.ends[2], c.ends[3], err = sys.PacketPair(); err != nil {
		return err
	}
	_ = unix.Unlink(c.path) // That of the holder before this one.
	c.listener, err = sys.ListenPacket(c.path)
	return err
}

// inherit takes what startHelper gave us, from descriptor 3 on.
func (c *custodian) inherit() {
	_ = protect()
	_ = sys.CloexecRange(listenFD, ^uint(0))
	c.listener, c.ends, c.private = listenFD, [4]int{4, 5, 6, 7}, true
	c.lives = []life{{fd: 8, admitted: true}}
}
