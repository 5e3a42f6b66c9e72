package systemd

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"systemg.org/sysg/pkg/sys"
)

// journalPatience is how long journald may keep a sender waiting.
const journalPatience = 100 * time.Millisecond

// Journal sends entries to journald, by its native protocol
// (systemd.io/JOURNAL_NATIVE_PROTOCOL). One goroutine uses it.
type Journal struct {
	path string
	fd   int // -1 while not connected
}

// OpenJournal finds journald at the path of its socket. Where there is none the
// error is fs.ErrNotExist.
func OpenJournal(path string) (*Journal, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("cannot find journald: %w", err)
	}
	return &Journal{path: path, fd: -1}, nil
}

// Write sends one entry. It waits a moment for journald to make room, and
// connects again where journald was restarted. What is too large for a datagram
// goes in a sealed file in memory.
func (j *Journal) Write(entry []byte) (int, error) {
	err := j.send(entry)
	if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ENOTCONN) || errors.Is(err, unix.ECONNRESET) {
		_ = j.Close() // Journald was restarted.
		err = j.send(entry)
	}
	if err != nil {
		return 0, fmt.Errorf("cannot write to the journal: %w", err)
	}
	return len(entry), nil
}

func (j *Journal) send(entry []byte) error {
	if err := j.connect(); err != nil {
		return err
	}
	err := sys.SendPacket(j.fd, entry, nil)
	if errors.Is(err, sys.ErrWouldBlock) {
		ready := []unix.PollFd{{Fd: int32(j.fd), Events: unix.POLLOUT}}
		if _, err := sys.Poll(ready, int(journalPatience/time.Millisecond)); err != nil {
			return err
		}
		err = sys.SendPacket(j.fd, entry, nil)
	}
	if errors.Is(err, unix.EMSGSIZE) || errors.Is(err, unix.ENOBUFS) {
		return j.sendFile(entry)
	}
	return err
}

// sendFile sends an entry of any size: a datagram without content that carries
// a descriptor.
func (j *Journal) sendFile(entry []byte) error {
	fd, err := sys.SealedMemfd("journal-entry", entry)
	if err != nil {
		return err
	}
	defer sys.CloseAll([]int{fd})
	err = unix.Sendmsg(j.fd, nil, unix.UnixRights(fd), nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	return os.NewSyscallError("sendmsg", err)
}

func (j *Journal) connect() error {
	if j.fd >= 0 {
		return nil
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: j.path}); err != nil {
		_ = unix.Close(fd)
		return os.NewSyscallError("connect", err)
	}
	j.fd = fd
	return nil
}

// Close ends the connection; the next Write makes a new one.
func (j *Journal) Close() error {
	if j.fd < 0 {
		return nil
	}
	fd := j.fd
	j.fd = -1
	return os.NewSyscallError("close", unix.Close(fd))
}
