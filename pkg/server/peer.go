package server

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"systemg.org/sysg/pkg/api"
)

// person is who connected, as the kernel noted it at connect(2): what the
// process has become since does not count. See SO_PEERCRED and SO_PEERGROUPS
// (Linux 4.13) in unix(7) and socket(7).
type person struct {
	api.Caller
	groups []uint32
	// service: it is a process of a service of ours, or one of which nobody can
	// tell any more. It is asked for in the system's instance alone.
	service bool
}

// peer asks the kernel.
func peer(stream *net.UnixConn, system bool) (person, error) {
	raw, err := stream.SyscallConn()
	if err != nil {
		return person{}, err
	}
	var who person
	var failure error
	err = raw.Control(func(fd uintptr) { who, failure = look(int(fd), system) })
	if err != nil {
		return person{}, err
	}
	return who, failure
}

func look(fd int, system bool) (person, error) {
	credentials, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return person{}, os.NewSyscallError("getsockopt SO_PEERCRED", err)
	}
	who := person{Caller: api.Caller{UID: int(credentials.Uid), PID: int(credentials.Pid)}}
	if !system {
		return who, nil
	}
	who.groups, err = peerGroups(fd)
	who.groups = append(who.groups, credentials.Gid)
	who.service = ofService(fd, who.PID)
	return who, err
}

// maxGroups is the most that a process can be in: NGROUPS_MAX in setgroups(2).
const maxGroups = 65536

// peerGroups are the supplementary groups. The library has no call for an
// option that is a list of numbers.
func peerGroups(fd int) ([]uint32, error) {
	buffer := make([]byte, 4*64)
	for {
		length := uint32(len(buffer))
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&buffer[0])), uintptr(unsafe.Pointer(&length)), 0)
		if errno == unix.ERANGE && int(length) > len(buffer) && length <= 4*maxGroups {
			buffer = make([]byte, length)
			continue
		}
		if errno != 0 {
			return nil, os.NewSyscallError("getsockopt SO_PEERGROUPS", errno)
		}
		groups := make([]uint32, 0, length/4)
		for at := 0; at+4 <= int(length); at += 4 {
			groups = append(groups, binary.NativeEndian.Uint32(buffer[at:]))
		}
		return groups, nil
	}
}

// ofService says whether a peer is inside a service's cgroup: what a service may
// do stands in its manifest, and that it is root's is no reason to let it
// operate all others. A process that is gone cannot be looked up, and the number
// may be another's by now; where the kernel has SO_PEERPIDFD (Linux 6.5) it is
// asked whether that is still the one that connected.
func ofService(fd, pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil || inService(string(text)) {
		return true
	}
	pidfd, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEERPIDFD)
	if err == unix.ENOPROTOOPT {
		return false
	}
	if err != nil {
		return true // it was reaped
	}
	defer func() { _ = unix.Close(pidfd) }()
	// A pidfd is readable once its process has ended, see pidfd_open(2).
	ended, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 0)
	return err != nil || ended > 0
}

// inService reads /proc/PID/cgroup, see cgroups(7), for the place that sysg-exec
// gives to services: …/p-PROJECT/s-SERVICE/{run,aux}-…
func inService(text string) bool {
	for line := range strings.Lines(text) {
		parts := strings.Split(strings.TrimSpace(line), "/")
		for i := 2; i < len(parts); i++ {
			leaf := strings.HasPrefix(parts[i], "run-") || strings.HasPrefix(parts[i], "aux-")
			if leaf && strings.HasPrefix(parts[i-1], "s-") && strings.HasPrefix(parts[i-2], "p-") {
				return true
			}
		}
	}
	return false
}
