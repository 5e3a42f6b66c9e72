package sys

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Endpoint is a place where a service is reached: a listening socket or a FIFO.
type Endpoint struct {
	// Network is tcp, udp, unix, unixpacket or fifo.
	Network string
	// Address is host:port, with an IP address or nothing as host, or a path.
	Address string
	// Mode is that of a path.
	Mode uint32
	// Owner is to whom a path belongs, nil for this process's own user.
	Owner *Owner
}

// Open makes it. The descriptor is close-on-exec and blocking, as a program
// expects of what it is handed. made says that a file came to be with it, which
// Remove takes away again.
//
// What waits for a file system waits here, so call it where that may be.
func (e Endpoint) Open() (fd int, made bool, err error) {
	switch e.Network {
	case "tcp", "udp":
		fd, err = e.openInet()
	case "unix", "unixpacket":
		err = e.at(func(p place) (err error) { fd, err = e.openUnix(p); return err })
		made = err == nil
	case "fifo":
		err = e.at(func(p place) (err error) { fd, made, err = e.openFIFO(p); return err })
	default:
		err = fmt.Errorf("%q is no kind of socket", e.Network)
	}
	if err != nil {
		return -1, false, fmt.Errorf("cannot listen at %s %q: %w", e.Network, e.Address, explainBind(err))
	}
	return fd, made, nil
}

// explainBind adds what a person can act on.
func explainBind(err error) error {
	switch {
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return fmt.Errorf("this machine has no such address: %w", err)
	case errors.Is(err, unix.EACCES):
		return fmt.Errorf("permission is refused (a port below 1024, or a directory of somebody else's): %w", err)
	}
	return err
}

// Holds says whether fd, which came from elsewhere, is such an endpoint: of its
// family, type and address, and listening.
func (e Endpoint) Holds(fd int) error {
	if e.Network == "fifo" {
		return e.holdsFIFO(fd)
	}
	kind, err := SocketType(fd)
	if err != nil {
		return err
	}
	if want := e.socketType(); kind != want {
		return fmt.Errorf("it is a socket of type %d, not %d", kind, want)
	}
	if listening, err := Listening(fd); err != nil || listening != (kind != unix.SOCK_DGRAM) {
		return errors.Join(errors.New("it does not listen"), err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	if !e.isAt(name) {
		return fmt.Errorf("it is not at %s %q", e.Network, e.Address)
	}
	return nil
}

func (e Endpoint) socketType() int {
	switch e.Network {
	case "udp":
		return unix.SOCK_DGRAM
	case "unixpacket":
		return unix.SOCK_SEQPACKET
	}
	return unix.SOCK_STREAM
}

// isAt compares with what the kernel says.
func (e Endpoint) isAt(name unix.Sockaddr) bool {
	if at, ok := name.(*unix.SockaddrUnix); ok {
		return (e.Network == "unix" || e.Network == "unixpacket") && at.Name == e.Address
	}
	want, err := parseInet(e.Address)
	if err != nil || e.Network != "tcp" && e.Network != "udp" {
		return false
	}
	got, ok := inetOf(name)
	// A port of 0 is for the kernel to choose.
	return ok && got.is(want.addr, want.any) && (want.port == 0 || got.port == want.port)
}

// Remove takes the file away that Open made, unless something else is in its
// place by now. Like Open, it may wait for a file system.
func (e Endpoint) Remove() {
	want := uint32(unix.S_IFSOCK)
	switch e.Network {
	case "fifo":
		want = unix.S_IFIFO
	case "unix", "unixpacket":
	default:
		return
	}
	_ = e.at(func(p place) error {
		if p.is(want) {
			return p.unlink()
		}
		return nil
	})
}
