package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/sys"
)

// listenFD is where the first descriptor handed over is, see sd_listen_fds(3).
const listenFD = sys.FirstPassed

// takeListener takes the socket that systemd, or sysg start, hands over, and
// keeps it and every stray descriptor from being inherited.
func takeListener() (int, error) {
	passed, err := sys.Passed()
	if err != nil {
		return -1, err
	}
	if len(passed) != 1 {
		return -1, errors.New("no socket was handed over: LISTEN_PID must be this process and LISTEN_FDS 1 (start it with sysg start, or by sysg-exec.socket)")
	}
	kind, err := sys.SocketType(listenFD)
	if err != nil {
		return -1, fmt.Errorf("cannot use descriptor %d: %w", listenFD, err)
	}
	listening, err := sys.Listening(listenFD)
	if err != nil {
		return -1, fmt.Errorf("cannot use descriptor %d: %w", listenFD, err)
	}
	if kind != sys.SeqPacket || !listening {
		return -1, fmt.Errorf("descriptor %d is not a listening SOCK_SEQPACKET socket", listenFD)
	}
	return listenFD, os.NewSyscallError("fcntl O_NONBLOCK", unix.SetNonblock(listenFD, true))
}
