package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/sys"
)

// sysgd has copies of the sockets that we hold, and gives them back to the
// helper that comes after us. In the system's instance it is not believed: what
// it gives back must be what a helper made, or a daemon that was taken over
// could put a socket of its own, to which it keeps a copy, in the place of a
// service's. The kernel numbers sockets, and never uses a number again while it
// runs (SO_COOKIE, Linux 4.12); those of ours are in <state>/sockets, for this boot.

const (
	// maxCookies bounds how many there are.
	maxCookies = 2 * maxHeld
	// cookieBytes is the longest line of one.
	cookieBytes = 21
)

func (h *helper) cookiePath() string { return filepath.Join(h.options.state, "sockets") }

func cookieOf(fd int) (string, error) {
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_COOKIE)
	return fmt.Sprint(cookie), os.NewSyscallError("getsockopt SO_COOKIE", err)
}

// saveCookies notes which sockets are ours. A helper that cannot find them again
// refuses them, so that is only told.
func (h *helper) saveCookies() {
	if !h.options.system {
		return
	}
	lines := []string{strings.TrimSpace(h.boot)}
	seen := map[string]bool{}
	for _, l := range h.holdings {
		for _, one := range l.sockets {
			if cookie, err := cookieOf(one.fd); err == nil {
				lines, seen[cookie] = append(lines, cookie), true
			}
		}
	}
	for _, cookie := range h.earlier { // They may yet be given back.
		if !seen[cookie] && len(lines) < maxCookies {
			lines = append(lines, cookie)
		}
	}
	text := strings.Join(lines, "\n") + "\n"
	if text == h.cookies {
		return
	}
	err := os.WriteFile(h.cookiePath()+".new", []byte(text), 0o600)
	if err == nil {
		err = os.Rename(h.cookiePath()+".new", h.cookiePath())
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "sysg-exec: ignoring: a restart of this helper will not know its sockets again: %v\n", err)
		return
	}
	h.cookies = text
}

// loadCookies reads what an earlier helper noted in this boot.
func (h *helper) loadCookies() error {
	if !h.options.system {
		return nil
	}
	folder, err := sys.OpenTrustedFolder(h.options.state)
	if err != nil {
		return err
	}
	defer folder.Close()
	text, err := folder.Read(filepath.Base(h.cookiePath()), (maxCookies+2)*cookieBytes)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot tell which sockets are ours: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if lines[0] != strings.TrimSpace(h.boot) {
		return nil
	}
	h.earlier = lines[1:]
	return nil
}

// mine is a question that a task may ask: whether a helper made this socket. In
// a user's instance nobody else would have.
func (h *helper) mine() func(fd int) bool {
	if !h.options.system {
		return func(int) bool { return true }
	}
	earlier := h.earlier // Never changed once it is read.
	return func(fd int) bool {
		cookie, err := cookieOf(fd)
		return err == nil && slices.Contains(earlier, cookie)
	}
}

// returned says whether fd is what a declaration asks for, and may be taken from
// sysgd in the system's instance. Nothing that is asked of it here can wait for a
// file system.
func (h *helper) returned(socket generation.Socket, fd int) error {
	if socket.Kind == generation.SocketInherit {
		// Its unit declares what it is, and sysgd alone has got it.
		return sys.Channel(fd)
	}
	if !h.mine()(fd) {
		return errors.New("it is none that this helper, or the one before it, has made")
	}
	return endpoint(socket).Holds(fd)
}
