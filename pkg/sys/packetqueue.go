package sys

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// A pair of SOCK_SEQPACKET sockets is a place to keep descriptors in: what is
// put in at one end stays in the kernel, with the descriptors of each packet
// open, for as long as somebody has the other end; it needs no process to do
// anything. How much fits is the send buffer of the first end, SO_SNDBUF.

// PacketPair makes both ends, non-blocking and close-on-exec.
func PacketPair() (put, take int, err error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	return ends[0], ends[1], os.NewSyscallError("socketpair", err)
}

// PutPacket is SendPacket with as many descriptors as the kernel takes.
func PutPacket(fd int, p []byte, fds []int) error { return sendPacket(fd, p, fds, SentFDs) }

// PeekPackets calls each with what is in the queue of fd, from its beginning,
// and takes nothing out: whoever dies meanwhile has lost nothing. The
// descriptors are new ones, and each closes them. A packet that does not fit
// into buf is an error, after which nobody knows where the next one begins.
func PeekPackets(fd int, buf []byte, each func(p []byte, fds []int)) (count int, err error) {
	// The offset, which moves along with what is looked at, is the socket's (socket(7),
	// Linux 3.4), so an earlier reader may have left it anywhere.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEEK_OFF, 0); err != nil {
		return 0, os.NewSyscallError("setsockopt SO_PEEK_OFF", err)
	}
	defer func() { _ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEEK_OFF, -1) }()
	for ; ; count++ {
		n, fds, err := receive(fd, buf, unix.MSG_PEEK, SentFDs, CloseAll)
		if errors.Is(err, ErrWouldBlock) {
			return count, nil
		}
		if err != nil {
			return count, fmt.Errorf("cannot look at packet %d: %w", count, err)
		}
		each(buf[:n], fds)
	}
}

// SkipPackets takes count packets out and lets the kernel close what came with
// them: without room for descriptors it installs none (recvmsg(2), MSG_CTRUNC).
func SkipPackets(fd, count int) error {
	var none [1]byte
	for range count {
		err := retry("recvmsg", func() error {
			_, _, _, _, err := unix.Recvmsg(fd, none[:], nil, unix.MSG_DONTWAIT)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// QueuedBytes is how much of its send buffer a socket has in use (unix(7),
// SIOCOUTQ), and SendBuffer how much there is. Both count what the kernel needs
// for a packet, not its length.
func QueuedBytes(fd int) (int, error) {
	n, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
	return n, os.NewSyscallError("ioctl SIOCOUTQ", err)
}

// SendBuffer is how much a socket may send that nobody has taken yet.
func SendBuffer(fd int) (int, error) {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
	return n, os.NewSyscallError("getsockopt SO_SNDBUF", err)
}

// GrowSendBuffer asks for more. Without CAP_NET_ADMIN the kernel gives as much
// as net.core.wmem_max says (socket(7)).
func GrowSendBuffer(fd, bytes int) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, bytes) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, bytes)
	}
}
