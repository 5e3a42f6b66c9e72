package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/paths"
	"systemg.org/sysg/pkg/sys"
)

// The holder is the main process of sysg-services.service, which no upgrade
// restarts. Where no systemd does that, we start one, which ends with the last of
// us that has nothing left to keep.

// nobodysInit is as whom we ask in the system's instance; see custodian.admits.
var nobodysInit = sys.Credentials{PID: 1, UID: 65534}

// what is said to a holder.
const (
	askForShelves = "shelves 1"
	askToEnd      = "end"
)

// holderPath is the socket of the holder that we have to do with.
func (h *helper) holderPath() string {
	if h.options.unit != "" {
		return paths.Custody(h.runtime)
	}
	return paths.Holder(h.runtime)
}

// openCustody finds the holder and what is in it, or starts one. Without one
// everything works but what it is for.
func (h *helper) openCustody() {
	c, err := h.findHolder()
	if err == nil {
		if h.found, err = h.lookInto(c); err != nil {
			c.close()
		}
	} else if h.options.unit == "" {
		c, err = h.startHolder()
	}
	if err == nil {
		err = h.watchHolder(c)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "sysg-exec: what runs outlives a death of one daemon, but its output and its sockets not that of both, since there is no holder for them (one from before an upgrade has no place for that): %v\n", err)
	}
}

// findHolder asks a holder that there is.
func (h *helper) findHolder() (*custody, error) {
	life, err := h.dialHolder()
	if err != nil {
		return nil, err
	}
	poll := []unix.PollFd{{Fd: int32(life), Events: unix.POLLIN}}
	for deadline := time.Now().Add(h.options.launchTimeout); time.Now().Before(deadline); {
		n, err := sys.Poll(poll, int(time.Until(deadline).Milliseconds())+1)
		if err == nil && n > 0 {
			return takeShelves(life)
		}
	}
	sys.CloseAll([]int{life})
	return nil, errors.New("the holder does not answer")
}

// dialHolder connects and asks.
func (h *helper) dialHolder() (int, error) {
	life, err := sys.DialPacket(h.holderPath())
	if err != nil {
		return -1, err
	}
	peer, err := sys.Peer(life)
	if err == nil && peer.UID != h.grants.UID {
		err = fmt.Errorf("who listens at %q is user %d", h.holderPath(), peer.UID)
	}
	as := sys.Credentials{PID: os.Getpid(), UID: h.grants.UID, GID: uint32(os.Getegid())}
	if h.options.system {
		as = nobodysInit
	}
	if err == nil {
		err = sys.SendAs(life, []byte(askForShelves), as)
	}
	if err != nil {
		sys.CloseAll([]int{life})
		return -1, err
	}
	return life, nil
}

// takeShelves reads the answer: both ends of both shelves. life is closed with
// an error.
func takeShelves(life int) (*custody, error) {
	var text [64]byte
	n, fds, err := sys.ReceivePacket(life, text[:])
	if err == nil && (string(text[:n]) != askForShelves || len(fds) != 4) {
		err = fmt.Errorf("the holder answers %q with %d descriptors", text[:n], len(fds))
	}
	if err != nil {
		sys.CloseAll(append(fds, life))
		return nil, err
	}
	return newCustody(life, [4]int(fds)), nil
}

func newCustody(life int, ends [4]int) *custody {
	c := &custody{life: life, runs: shelf{put: ends[0], take: ends[1]}, services: shelf{put: ends[2], take: ends[3]}}
	sys.GrowSendBuffer(c.runs.put, shelfBytes)
	sys.GrowSendBuffer(c.services.put, shelfBytes)
	return c
}

// startHolder starts one. It gets its socket and its shelves from us, so that
// nobody has to wait for it.
func (h *helper) startHolder() (*custody, error) {
	path := h.holderPath()
	_ = unix.Unlink(path) // That of a holder which was killed.
	listener, err := sys.ListenPacket(path)
	if err != nil {
		return nil, err
	}
	defer sys.CloseAll([]int{listener})
	var ends [4]int
	if ends[0], ends[1], err = sys.PacketPair(); err != nil {
		return nil, err
	}
	if ends[2], ends[3], err = sys.PacketPair(); err != nil {
		sys.CloseAll(ends[:2])
		return nil, err
	}
	life, other, err := sys.PacketPair()
	if err != nil {
		sys.CloseAll(ends[:])
		return nil, err
	}
	pid, err := forkHolder(h, path, []int{h.nullFD, h.nullFD, h.nullFD, listener, ends[0], ends[1], ends[2], ends[3], other})
	sys.CloseAll([]int{other})
	if err != nil {
		sys.CloseAll(append(ends[:], life))
		return nil, err
	}
	c := newCustody(life, ends)
	c.pid = pid
	return c, nil
}

// forkHolder starts this very program, whatever is at its path by now.
func forkHolder(h *helper, path string, fds []int) (int, error) {
	argv := []string{"sysg-exec", "hold", "--inherited", path}
	if h.options.system {
		argv = append(argv, "--system")
	}
	files := make([]uintptr, len(fds))
	for i, fd := range fds {
		files[i] = uintptr(fd)
	}
	pid, err := syscall.ForkExec("/proc/self/exe", argv, &syscall.ProcAttr{
		Dir: "/", Env: []string{}, Files: files, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return 0, fmt.Errorf("cannot start a holder: %w", err)
	}
	return pid, nil
}

// watchHolder makes it ours. It says nothing more; its end is reported.
func (h *helper) watchHolder(c *custody) (err error) {
	if c.key, err = h.watch(c.life, sys.Readable, func(uint32) { h.holderGone() }); err != nil {
		c.close()
		return err
	}
	h.custody = c
	return nil
}

func (c *custody) close() {
	sys.CloseAll([]int{c.life, c.runs.put, c.runs.take, c.services.put, c.services.take})
}

// holderGone: somebody has killed it. What it kept is ours still.
func (h *helper) holderGone() {
	c := h.custody
	h.custody = nil
	h.unwatch(c.key)
	h.discard(c.closing)
	c.close()
	c.reap()
	h.regain()
}

// reap waits for a holder that is our child, and whose descriptors are closed
// already: it is a moment.
func (c *custody) reap() {
	if c.pid != 0 {
		_, _ = unix.Wait4(c.pid, nil, 0, nil)
	}
}

// regain gets custody again after a holder has died, beside the loop, since a
// fork waits for whatever the launchers' forks wait for. That of a unit comes
// back with the unit, which may take until the next launch.
func (h *helper) regain() {
	if h.regaining || h.quitting {
		return
	}
	h.regaining = true
	var c *custody
	var err error
	h.start(&task{
		run: func() {
			h.memory.forks.RLock() // See memory.go.
			defer h.memory.forks.RUnlock()
			if c, err = h.findHolder(); err != nil && h.options.unit == "" {
				c, err = h.startHolder()
			}
		},
		over: func(late bool) {
			h.regaining = late
			if late || err != nil || h.watchHolder(c) != nil {
				return
			}
			// It may be one that has something of a time before us.
			h.found, err = h.lookInto(c)
			h.found.dropParcels(h.found.services)
			h.found.services = nil
			h.restoreServices()
		},
		leftover: func() {
			h.regaining = false
			if err == nil && c != nil {
				c.close()
			}
		},
	})
}

// leaveCustody ends a holder that is only there for us, and returns when it has
// ended.
func (h *helper) leaveCustody() {
	c := h.custody
	if c == nil || h.options.unit != "" {
		return
	}
	if sys.SendPacket(c.life, []byte(askToEnd), nil) == nil {
		_, _ = sys.Poll([]unix.PollFd{{Fd: int32(c.life), Events: unix.POLLIN}}, int(time.Second.Milliseconds()))
		c.reap()
	}
}
