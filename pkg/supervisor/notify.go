package supervisor

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"systemg.org/sysg/pkg/probe"
	"systemg.org/sysg/pkg/sys"
)

// What a service says of itself (sd_notify(3)). Each incarnation has a socket
// of its own, so a message belongs to its run whoever sent it, and a sender that
// has ended before its message was read is no riddle.
//
//	goroutine: look at a message ──post──▶ loop: notified ──▶ taken ──▶ goroutine: take it
//
// A message that makes a service ready is left in the socket until that is on
// disk. So a supervisor that dies in between finds it again, and nobody waits for
// a word that was said already.

// hearNotify listens to what a run says, until its socket is closed.
func (s *Supervisor) hearNotify(r *run, file *os.File) {
	r.ears = append(r.ears, file)
	incarnation, leaf := r.incarnation, r.cgroup
	go func() { // Ends when the file is closed, or with the supervisor.
		for {
			heard, err := s.nextNotification(file, leaf)
			if err != nil {
				return
			}
			taken := make(chan struct{})
			s.inbox.post(func() { s.notified(incarnation, heard, func() { close(taken) }) })
			if !heard.peeked {
				continue
			}
			select {
			case <-taken:
			case <-s.life.Done():
				return
			}
			if _, _, err := receive(file, make([]byte, probe.MaxNotification), false); err != nil {
				return
			}
		}
	}()
}

// notification is one message, with the descriptors that came with it.
type notification struct {
	probe.Notification
	files  []*os.File
	peeked bool // it is in the socket still
}

// nextNotification waits for a message that counts.
func (s *Supervisor) nextNotification(file *os.File, leaf string) (notification, error) {
	buf := make([]byte, probe.MaxNotification)
	for {
		n, datagram, err := receive(file, buf, true)
		if errors.Is(err, sys.ErrTruncated) {
			n, err = 0, nil // It is too long to be one; what follows takes it out.
		}
		if err != nil {
			return notification{}, err
		}
		heard := notification{Notification: probe.ParseNotification(string(buf[:n])), peeked: true}
		if heard.Ready && !heard.Store && !heard.Barrier && s.believes(datagram.PID, leaf) {
			return heard, nil
		}
		_, datagram, err = receive(file, buf, false)
		if err != nil && !errors.Is(err, sys.ErrTruncated) {
			return notification{}, err
		}
		heard.peeked = false
		for _, fd := range datagram.FDs {
			// Closed here, where it may take as long as it likes. That of a
			// BARRIER=1 is a pipe.
			if s.system && sys.Keepable(fd) != nil {
				sys.CloseAll([]int{fd})
				continue
			}
			heard.files = append(heard.files, os.NewFile(uintptr(fd), "stored"))
		}
		if n > 0 && s.believes(datagram.PID, leaf) {
			return heard, nil
		}
		discard(heard.files)
	}
}

// receive waits for a message.
func receive(file *os.File, buf []byte, peek bool) (n int, datagram sys.Datagram, err error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return 0, datagram, err
	}
	waitErr := raw.Read(func(fd uintptr) bool {
		n, datagram, err = sys.ReceiveDatagram(int(fd), buf, peek)
		return !errors.Is(err, sys.ErrWouldBlock)
	})
	if waitErr != nil {
		err = waitErr
	}
	return n, datagram, err
}

// believes reports whether a sender is of the incarnation that has a cgroup
// leaf. One that has ended, or of which the kernel tells nothing, gets the
// benefit where only the user itself can reach the socket. In the system's
// instance services may share a user, nobody above all, so there it does not:
// systemd-notify(1) waits for us (BARRIER=1), and so must everything short-lived.
func (s *Supervisor) believes(pid int, leaf string) bool {
	return belongs(pid, leaf, !s.system)
}

// belongs is what it believes; benefit is for what cannot be told.
func belongs(pid int, leaf string, benefit bool) bool {
	if leaf == "" || pid == 0 {
		return benefit
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return benefit
	}
	for line := range strings.Lines(string(text)) {
		if where, unified := strings.CutPrefix(strings.TrimSpace(line), "0::"); unified {
			return strings.Contains(where+"/", "/"+path.Base(leaf)+"/")
		}
	}
	return benefit
}
