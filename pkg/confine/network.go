package confine

import (
	"fmt"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// networkSteps are the steps of a network of its own, which the clone has made.
func networkSteps(c *generation.Confinement) []Step {
	if !c.Network {
		return nil
	}
	return []Step{{spec.StageNetwork, "loopback up", inKey("network", raiseLoopback)}}
}

// raiseLoopback brings up the only interface that a new network has. The kernel
// gives it 127.0.0.1 and ::1 as it comes up (netdevice(7)).
func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot make a socket: %w", err)
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err == nil {
		err = unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, request)
	}
	if err == nil {
		request.SetUint16(request.Uint16() | unix.IFF_UP)
		err = unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
	}
	if err != nil {
		return fmt.Errorf("cannot bring up loopback: %w", err)
	}
	return nil
}
