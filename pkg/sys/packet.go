package sys

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// MaxFDs is how many descriptors one packet may carry.
const MaxFDs = 64

// SentFDs is the most that the kernel lets one packet carry (SCM_MAX_FD, unix(7)).
const SentFDs = 253

// ErrWouldBlock is what a call that would have to wait fails with.
const ErrWouldBlock = unix.EAGAIN

// ErrTruncated says that a packet, or the descriptors that came with it, did
// not fit: it was longer than the buffer, it carried more than MaxFDs, or this
// process may not open any more. What did fit is closed and lost.
var ErrTruncated = errors.New("packet does not fit")

// SendPacket sends p as one packet, with copies of fds, on a SOCK_SEQPACKET
// socket. It never waits and never raises SIGPIPE: a full queue is
// ErrWouldBlock, and then nothing was sent. An empty p is an error, since the
// receiver could not tell it from the end of the connection.
func SendPacket(fd int, p []byte, fds []int) error { return sendPacket(fd, p, fds, MaxFDs) }

func sendPacket(fd int, p []byte, fds []int, maxFDs int) error {
	if len(p) == 0 || len(fds) > maxFDs {
		return os.NewSyscallError("sendmsg", unix.EINVAL)
	}
	var control []byte
	if len(fds) > 0 {
		control = unix.UnixRights(fds...)
	}
	return retry("sendmsg", func() error {
		return unix.Sendmsg(fd, p, control, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	})
}

// ReceivePacket reads one packet into buf, and returns the descriptors that
// came with it, close-on-exec, for the caller to close. It never waits:
// ErrWouldBlock says there is no packet, io.EOF that there will be none. After
// an error the caller owns no descriptor.
func ReceivePacket(fd int, buf []byte) (n int, fds []int, err error) {
	return Receive(fd, buf, CloseAll)
}

// Receive is ReceivePacket with something else to close what is not returned.
// As much as can come is received, so that it is not the kernel that closes the
// rest, in this thread.
func Receive(fd int, buf []byte, discard func(fds []int)) (n int, fds []int, err error) {
	return receive(fd, buf, 0, MaxFDs, discard)
}

func receive(fd int, buf []byte, how, maxFDs int, discard func(fds []int)) (n int, fds []int, err error) {
	var control [unix.SizeofCmsghdr + 4*(SentFDs+1)]byte
	var controlLen, flags int
	n, err = retryValue("recvmsg", func() (n int, err error) {
		n, controlLen, flags, _, err = unix.Recvmsg(fd, buf, control[:], how|unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		return n, err
	})
	if err != nil {
		return 0, nil, err
	}
	// Truncation is judged after the descriptors are known, or they would leak.
	fds, err = rights(control[:controlLen])
	switch {
	case err == nil && (flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 || len(fds) > maxFDs):
		err = ErrTruncated
	case err == nil && n == 0:
		err = io.EOF
	}
	if err != nil {
		discard(fds)
		return 0, nil, err
	}
	return n, fds, nil
}

// rights collects the descriptors in control; they are valid even with an error.
func rights(control []byte) ([]int, error) {
	if len(control) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return nil, fmt.Errorf("cannot read a packet's control messages: %w", err)
	}
	var all []int
	for i := range messages {
		if messages[i].Header.Level != unix.SOL_SOCKET || messages[i].Header.Type != unix.SCM_RIGHTS {
			continue
		}
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return all, fmt.Errorf("cannot read a packet's descriptors: %w", err)
		}
		all = append(all, fds...)
	}
	return all, nil
}

// CloseAll closes fds. Errors mean nothing here: after close(2) the descriptor
// is gone in any case.
func CloseAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}
