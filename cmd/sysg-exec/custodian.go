package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/sys"
)

// custodian is the half of custody that is in the holder: it has both ends of two
// socket pairs (shelf.go), and gives copies of them to the helper that asks. It
// looks at nothing that is in them.
type custodian struct {
	path     string
	system   bool
	listener int
	// ends are those of the shelf of runs, then of that of services.
	ends  [4]int
	lives []life
	// private: it is there for an instance that systemd does not run, and ends
	// with that.
	private bool
}

// life is a connection of a helper.
type life struct {
	fd       int
	admitted bool
}

// maxLives bounds the connections; a further one takes the place of the oldest
// that was not admitted, else it is refused.
const maxLives = 16

// run serves until a signal, or the end of the instance.
func (c *custodian) run() error {
	for {
		polled := make([]unix.PollFd, 0, maxLives+1)
		if c.listener >= 0 {
			polled = append(polled, unix.PollFd{Fd: int32(c.listener), Events: unix.POLLIN})
		}
		for _, l := range c.lives {
			polled = append(polled, unix.PollFd{Fd: int32(l.fd), Events: unix.POLLIN})
		}
		if _, err := sys.Poll(polled, -1); err != nil && err != unix.EINTR {
			return err
		}
		var left []life
		for _, l := range c.lives {
			if c.serve(&l) {
				left = append(left, l)
				continue
			}
			sys.CloseAll([]int{l.fd})
			if l.admitted && c.private && c.empty() && c.alone(l.fd) {
				c.end()
			}
		}
		c.lives = left
		c.accept()
	}
}

// serve answers one connection; false says that it is over.
func (c *custodian) serve(l *life) bool {
	var text [64]byte
	n, as, err := sys.ReceiveAs(l.fd, text[:])
	switch {
	case err != nil:
		return errors.Is(err, sys.ErrWouldBlock)
	case n == 0:
		return false
	case l.admitted && c.private && string(text[:n]) == askToEnd:
		c.end()
	case string(text[:n]) != askForShelves || !c.admits(l.fd, as):
		return false
	}
	l.admitted = true
	return sys.SendPacket(l.fd, []byte(askForShelves), c.ends[:]) == nil
}

// admits says whether somebody may have what is in custody: our own user. In the
// system's instance that is not enough, as a service may run as root with few
// capabilities. Who speaks in the name of process 1, and of a user that it is not,
// has CAP_SYS_ADMIN and CAP_SETUID, as the kernel vouches (unix(7),
// SCM_CREDENTIALS): whoever has both is as mighty as the helper. The peer's cgroup
// would prove less, since root without any capability can move itself into another.
func (c *custodian) admits(fd int, as sys.Credentials) bool {
	peer, err := sys.Peer(fd)
	if err != nil || peer.UID != uint32(os.Geteuid()) {
		return false
	}
	if c.system {
		return peer.PID != as.PID && as == nobodysInit
	}
	return peer.PID == as.PID
}

// accept takes one more connection.
func (c *custodian) accept() {
	if c.listener < 0 {
		return
	}
	fd, err := sys.Accept(c.listener)
	if err != nil {
		return
	}
	if len(c.lives) == maxLives {
		for i, l := range c.lives {
			if !l.admitted {
				sys.CloseAll([]int{l.fd})
				c.lives = append(c.lives[:i], c.lives[i+1:]...)
				break
			}
		}
	}
	if len(c.lives) == maxLives {
		sys.CloseAll([]int{fd})
		return
	}
	c.lives = append(c.lives, life{fd: fd})
}

// alone says whether no other helper is connected.
func (c *custodian) alone(but int) bool {
	for _, l := range c.lives {
		if l.admitted && l.fd != but {
			return false
		}
	}
	return true
}

// empty says whether nothing is in custody.
func (c *custodian) empty() bool {
	polled := []unix.PollFd{{Fd: int32(c.ends[1]), Events: unix.POLLIN}, {Fd: int32(c.ends[3]), Events: unix.POLLIN}}
	n, err := sys.Poll(polled, 0)
	return n == 0 && err == nil
}

// end takes the socket away first: who finds no holder there makes another.
func (c *custodian) end() {
	_ = unix.Unlink(c.path)
	os.Exit(0)
}
