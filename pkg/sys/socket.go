package sys

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// SeqPacket is the SocketType that keeps the bounds of messages.
const SeqPacket = unix.SOCK_SEQPACKET

// Credentials say who is at the other end of a socket: the process that
// connected, or that called listen, as it was then. The PID may have been
// reused since; it is for people to read.
type Credentials struct {
	PID int
	UID uint32
	GID uint32
}

// maxSocketPath is sun_path without its NUL, see unix(7).
const maxSocketPath = 107

// connectSeconds bounds the wait for a peer whose backlog is full.
const connectSeconds = 5

// Accept takes the next connection from a listener, non-blocking.
func Accept(fd int) (int, error) {
	return retryValue("accept4", func() (int, error) {
		conn, _, err := unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		return conn, err
	})
}

// Peer says who is at the other end.
func Peer(fd int) (Credentials, error) {
	peer, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return Credentials{}, os.NewSyscallError("getsockopt SO_PEERCRED", err)
	}
	return Credentials{PID: int(peer.Pid), UID: peer.Uid, GID: peer.Gid}, nil
}

// SocketType is SeqPacket or another type of socket(2); an error if fd is none.
func SocketType(fd int) (int, error) {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	return kind, os.NewSyscallError("getsockopt SO_TYPE", err)
}

// Listening says whether fd is a socket that listens.
func Listening(fd int) (bool, error) {
	accepts, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	return accepts == 1, os.NewSyscallError("getsockopt SO_ACCEPTCONN", err)
}

// DialPacket connects to the SOCK_SEQPACKET socket at path. It waits at most
// five seconds for a peer that does not accept. The result is non-blocking.
func DialPacket(path string) (int, error) {
	fd, address, err := packetSocket(path)
	if err != nil {
		return -1, err
	}
	// connect(2) waits for room in the backlog for as long as SO_SNDTIMEO
	// says; a non-blocking socket would fail at once with EAGAIN instead.
	err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{Sec: connectSeconds})
	if err == nil {
		err = retry("connect", func() error { return unix.Connect(fd, address) })
	}
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("cannot connect to %q: %w", path, err)
	}
	return fd, nil
}

// ListenPacket makes a SOCK_SEQPACKET socket at path that only its owner may
// connect to. Anything that is at path already is an error (EADDRINUSE).
func ListenPacket(path string) (int, error) {
	fd, address, err := packetSocket(path)
	if err != nil {
		return -1, err
	}
	// Before bind(2), since Linux gives the file the mode of the socket: there
	// is no moment in which others could connect.
	err = os.NewSyscallError("fchmod", unix.Fchmod(fd, 0o600))
	if err == nil {
		err = os.NewSyscallError("bind", unix.Bind(fd, address))
	}
	if err == nil {
		err = os.NewSyscallError("listen", unix.Listen(fd, unix.SOMAXCONN))
	}
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("cannot listen at %q: %w", path, err)
	}
	return fd, nil
}

func packetSocket(path string) (int, *unix.SockaddrUnix, error) {
	if path == "" || len(path) > maxSocketPath {
		return -1, nil, fmt.Errorf("cannot use %q as a socket: its path must have 1 to %d bytes", path, maxSocketPath)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	return fd, &unix.SockaddrUnix{Name: path}, os.NewSyscallError("socket", err)
}

// ListenDatagram makes a SOCK_DGRAM socket at path that only its owner may send
// to, and whose receiver is told who sent (SO_PASSCRED). It is non-blocking.
func ListenDatagram(path string) (int, error) {
	if path == "" || len(path) > maxSocketPath {
		return -1, fmt.Errorf("cannot use %q as a socket: its path must have 1 to %d bytes", path, maxSocketPath)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	err = os.NewSyscallError("fchmod", unix.Fchmod(fd, 0o600)) // As in ListenPacket.
	if err == nil {
		err = os.NewSyscallError("setsockopt SO_PASSCRED", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1))
	}
	if err == nil {
		err = os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrUnix{Name: path}))
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("cannot listen at %q: %w", path, err)
	}
	return fd, nil
}

// PeerPidfd opens a pidfd of the process at the other end, as Peer names it,
// which proves that the number still means it. Kernels before Linux 6.5 cannot:
// ENOPROTOOPT. One that is gone already is another error.
func PeerPidfd(fd int) (int, error) {
	pidfd, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEERPIDFD)
	if err != nil {
		return -1, os.NewSyscallError("getsockopt SO_PEERPIDFD", err)
	}
	unix.CloseOnExec(pidfd)
	return pidfd, nil
}
