package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// When both daemons have died, a service's sockets are with nobody but its
// running incarnation. Its address is in use then, so that a new socket cannot
// be made; but the old one can be fetched back, as far as the kernel allows it.

// keeper is a process that runs with the sockets of a service.
type keeper struct {
	pid, pidfd int
	// mine says whether a socket is one that a helper made.
	mine func(fd int) bool
}

// maxLooked bounds how many descriptors of one process are looked at.
const maxLooked = 4096

// keepers are the processes that an earlier helper launched with a service's
// sockets. The caller closes their pidfds: these are copies, since a task may
// outlive the incarnation.
func (h *helper) keepers(o owner) (found []keeper) {
	for _, inc := range h.incarnations {
		if !inc.adopted || inc.record.Launch.Role != spec.RoleMain || inc.record.Exited != nil || inc.pidfd < 0 || ownerOf(&inc.record.Launch) != o {
			continue
		}
		if pidfd, err := sys.Dup(inc.pidfd); err == nil {
			found = append(found, keeper{inc.record.PID, pidfd, h.mine()})
		}
	}
	return found
}

func letGo(keepers []keeper) {
	for _, k := range keepers {
		sys.CloseAll([]int{k.pidfd})
	}
}

// fetch copies the socket of a declaration out of a process that has it; -1 if
// none has. A FIFO is opened anew instead, and what is inherited is not ours.
func fetch(keepers []keeper, socket generation.Socket) (int, error) {
	if socket.Kind == generation.SocketFIFO || socket.Kind == generation.SocketInherit {
		return -1, nil
	}
	var failed error
	for _, k := range keepers {
		fd, err := k.fetch(endpoint(socket))
		if fd >= 0 {
			return fd, nil
		}
		failed = errors.Join(failed, err)
	}
	return -1, failed
}

// fetch finds the socket by its address, the lowest number first: there it was
// when the process began (sd_listen_fds(3)).
func (k keeper) fetch(wanted sys.Endpoint) (int, error) {
	numbers, err := k.sockets()
	if err != nil {
		return -1, err
	}
	for _, number := range numbers {
		fd, err := sys.PidfdGet(k.pidfd, number)
		switch {
		case errors.Is(err, unix.EBADF): // Closed meanwhile.
			continue
		case err != nil:
			return -1, err
		case wanted.Holds(fd) == nil && k.mine(fd):
			return fd, nil
		}
		sys.CloseAll([]int{fd})
	}
	return -1, nil
}

// sockets are the numbers of a process's sockets. Nothing else is fetched: to
// close the last copy of a file can hang with its file system.
func (k keeper) sockets() (numbers []int, err error) {
	dir := fmt.Sprintf("/proc/%d/fd", k.pid)
	folder, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	names, err := folder.Readdirnames(maxLooked)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		target, err := os.Readlink(dir + "/" + name)
		if number, bad := strconv.Atoi(name); err == nil && bad == nil && len(target) > 7 && target[:7] == "socket:" {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// obtain gets a declared socket: from who runs with it, or anew.
func (s *held) obtain(keepers []keeper) error {
	fd, refused := fetch(keepers, s.Socket)
	if fd >= 0 {
		s.fd, s.made = fd, s.hasPath()
		return nil
	}
	var err error
	s.fd, s.made, err = endpoint(s.Socket).Open()
	if refused == nil || !errors.Is(err, unix.EADDRINUSE) {
		return err
	}
	return fmt.Errorf("%w: the running incarnation has the socket, which was made by a sysg-exec that has died, and it cannot be fetched from there (%w); to stop the service and start it frees the address", err, refused)
}
