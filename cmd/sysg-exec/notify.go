package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// notifyReady tells systemd that the start is complete (Type=notify, see
// sd_notify(3)). Without NOTIFY_SOCKET nobody wants to know.
func notifyReady() error {
	path := os.Getenv("NOTIFY_SOCKET")
	os.Unsetenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		defer unix.Close(fd)
		// A leading @ means the abstract namespace; x/sys translates it.
		err = unix.Sendto(fd, []byte("READY=1"), unix.MSG_NOSIGNAL, &unix.SockaddrUnix{Name: path})
	}
	if err != nil {
		return fmt.Errorf("cannot notify %q: %w", path, err)
	}
	return nil
}
