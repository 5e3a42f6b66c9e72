package sys

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// maxRights is how many descriptors the kernel lets one message carry
// (SCM_MAX_FD, unix(7)).
const maxRights = 253

// Datagram is what came with the bytes of one message.
type Datagram struct {
	// PID is the sender's, as the kernel vouches for it; 0 where the socket
	// does not ask for that (SO_PASSCRED).
	PID int
	// FDs are close-on-exec, for the caller to close.
	FDs []int
}

// ReceiveDatagram takes one message from a socket into buf, or, with peek,
// looks at it and leaves it there; then there are no descriptors. It never
// waits: ErrWouldBlock says that there is none. After an error the caller owns
// no descriptor; ErrTruncated is a message that did not fit and is gone, unless
// it was only looked at.
func ReceiveDatagram(fd int, buf []byte, peek bool) (n int, d Datagram, err error) {
	var control [unix.SizeofCmsghdr + 4*(maxRights+1) + unix.SizeofCmsghdr + unix.SizeofUcred + 8]byte
	flags := unix.MSG_DONTWAIT | unix.MSG_CMSG_CLOEXEC
	if peek {
		flags |= unix.MSG_PEEK
	}
	var controlLen, got int
	n, err = retryValue("recvmsg", func() (n int, err error) {
		n, controlLen, got, _, err = unix.Recvmsg(fd, buf, control[:], flags)
		return n, err
	})
	if err != nil {
		return 0, Datagram{}, err
	}
	d.FDs, err = rights(control[:controlLen])
	if err == nil {
		d.PID, err = sender(control[:controlLen])
	}
	if err == nil && got&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
		err = ErrTruncated
	}
	if err != nil || peek { // Looking at descriptors makes copies of them.
		CloseAll(d.FDs)
		d.FDs = nil
	}
	return n, d, err
}

// sender finds the pid in control, 0 if there is none.
func sender(control []byte) (int, error) {
	if len(control) == 0 {
		return 0, nil
	}
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return 0, fmt.Errorf("cannot read a message's control messages: %w", err)
	}
	for i := range messages {
		if messages[i].Header.Level != unix.SOL_SOCKET || messages[i].Header.Type != unix.SCM_CREDENTIALS {
			continue
		}
		credentials, err := unix.ParseUnixCredentials(&messages[i])
		if err != nil {
			return 0, errors.Join(errors.New("cannot read a message's credentials"), err)
		}
		return int(credentials.Pid), nil
	}
	return 0, nil
}
