package sys

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// inet is an internet address with a port.
type inet struct {
	addr address
	port int
	// any: all addresses of both families, where the machine has both.
	any bool
}

// parseInet reads host:port. There are no names but localhost: what one means
// may change, and who looks it up may have to wait.
func parseInet(text string) (inet, error) {
	at := strings.LastIndexByte(text, ':')
	if at < 0 {
		return inet{}, fmt.Errorf("%q has no port", text)
	}
	port, err := strconv.ParseUint(text[at+1:], 10, 16)
	if err != nil {
		return inet{}, fmt.Errorf("%q is no port", text[at+1:])
	}
	host := text[:at]
	if inner, found := strings.CutPrefix(host, "["); found {
		if host, found = strings.CutSuffix(inner, "]"); !found {
			return inet{}, fmt.Errorf("%q has no closing bracket", text)
		}
	}
	switch host {
	case "", "*", "::":
		return inet{addr: make(address, 16), port: int(port), any: true}, nil
	case "localhost":
		host = "127.0.0.1"
	}
	addr := parseAddress(host)
	if addr == nil {
		return inet{}, fmt.Errorf("%q is no IP address", host)
	}
	return inet{addr: addr, port: int(port)}, nil
}

// inetOf is the address that the kernel tells.
func inetOf(name unix.Sockaddr) (inet, bool) {
	switch at := name.(type) {
	case *unix.SockaddrInet4:
		return inet{addr: at.Addr[:], port: at.Port}, true
	case *unix.SockaddrInet6:
		return inet{addr: at.Addr[:], port: at.Port}, true
	}
	return inet{}, false
}

// is compares addresses; with any, both unspecified ones will do.
func (i inet) is(addr address, any bool) bool {
	unspecified := !slices.ContainsFunc(i.addr, func(b byte) bool { return b != 0 })
	return slices.Equal(i.addr, addr) || any && unspecified
}

func (i inet) sockaddr() (family int, name unix.Sockaddr) {
	if len(i.addr) == 4 {
		return unix.AF_INET, &unix.SockaddrInet4{Port: i.port, Addr: [4]byte(i.addr)}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Port: i.port, Addr: [16]byte(i.addr)}
}

func (e Endpoint) openInet() (int, error) {
	at, err := parseInet(e.Address)
	if err != nil {
		return -1, err
	}
	fd, err := e.bindInet(at)
	if at.any && (errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EADDRNOTAVAIL)) {
		// A machine without IPv6.
		at.addr = make(address, 4)
		return e.bindInet(at)
	}
	return fd, err
}

func (e Endpoint) bindInet(at inet) (int, error) {
	family, name := at.sockaddr()
	fd, err := unix.Socket(family, e.socketType()|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := e.prepareInet(fd, family, at, name); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func (e Endpoint) prepareInet(fd, family int, at inet, name unix.Sockaddr) error {
	if family == unix.AF_INET6 {
		only := 1
		if at.any {
			only = 0
		}
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only); err != nil {
			return os.NewSyscallError("setsockopt IPV6_V6ONLY", err)
		}
	}
	if e.Network == "tcp" {
		// Connections of an earlier listener, in TIME_WAIT, are no obstacle.
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return os.NewSyscallError("setsockopt SO_REUSEADDR", err)
		}
	}
	if err := unix.Bind(fd, name); err != nil {
		return os.NewSyscallError("bind", err)
	}
	if e.Network == "udp" {
		return nil
	}
	return os.NewSyscallError("listen", unix.Listen(fd, unix.SOMAXCONN))
}
