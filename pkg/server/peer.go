package server

import (
	"net"
	"os"

	"golang.org/x/sys/unix"

	"systemg.org/sysg/pkg/api"
)

// peer is who connected, as the kernel noted it at connect(2): what the
// process has become since does not count. See SO_PEERCRED in unix(7).
func peer(stream *net.UnixConn) (api.Caller, error) {
	raw, err := stream.SyscallConn()
	if err != nil {
		return api.Caller{}, err
	}
	var credentials *unix.Ucred
	var failure error
	err = raw.Control(func(fd uintptr) {
		credentials, failure = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err != nil {
		return api.Caller{}, err
	}
	if failure != nil {
		return api.Caller{}, os.NewSyscallError("getsockopt SO_PEERCRED", failure)
	}
	return api.Caller{UID: int(credentials.Uid), PID: int(credentials.Pid)}, nil
}
