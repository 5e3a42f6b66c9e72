package sys

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// SendAs sends p as one packet in the name of a process of a user. Only who is that
// user, or has CAP_SETUID, can, and only for itself, unless it has CAP_SYS_ADMIN
// (SCM_CREDENTIALS, unix(7)). In namespaces of one's own that is the case for what
// they have a number for, and nothing else.
func SendAs(fd int, p []byte, as Credentials) error {
	control := unix.UnixCredentials(&unix.Ucred{Pid: int32(as.PID), Uid: as.UID, Gid: as.GID})
	return retry("sendmsg", func() error {
		return unix.Sendmsg(fd, p, control, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	})
}

// ReceiveAs reads one packet, and in whose name it was sent. What comes with it
// is closed.
func ReceiveAs(fd int, buf []byte) (n int, as Credentials, err error) {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		return 0, as, os.NewSyscallError("setsockopt SO_PASSCRED", err)
	}
	control := make([]byte, unix.CmsgSpace(unix.SizeofUcred))
	n, err = retryValue("recvmsg", func() (n int, err error) {
		var controlLen int
		n, controlLen, _, _, err = unix.Recvmsg(fd, buf, control, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		control = control[:max(controlLen, 0)]
		return n, err
	})
	if err != nil {
		return 0, as, err
	}
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil || len(messages) != 1 {
		return 0, as, errors.New("the packet does not say who sent it")
	}
	who, err := unix.ParseUnixCredentials(&messages[0])
	if err != nil {
		return 0, as, err
	}
	return n, Credentials{PID: int(who.Pid), UID: who.Uid, GID: who.Gid}, nil
}
