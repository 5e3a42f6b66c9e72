package execclient

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// spawnTimeout is longer than a launch may take.
const spawnTimeout = 30 * time.Second

// SpawnRefused is a child that will not be. Limit names the limit that was
// reached, "" if it was none.
type SpawnRefused struct {
	Limit  string
	Detail string
}

func (r *SpawnRefused) Error() string { return r.Detail }

// Spawn asks for a child of a service, on the spawn.sock at path, and waits
// until it runs. It is for processes inside services, and for those of the same
// user that name one (spec.Spawn.ParentPID).
func Spawn(path string, ask spec.Spawn) (spec.SpawnReply, error) {
	reply, err := spawn(path, ask, spawnTimeout)
	if err != nil {
		return spec.SpawnReply{}, err
	}
	if reply.Error != "" {
		return spec.SpawnReply{}, &SpawnRefused{Limit: reply.Limit, Detail: reply.Error}
	}
	return reply, nil
}

func spawn(path string, ask spec.Spawn, timeout time.Duration) (spec.SpawnReply, error) {
	frame, err := spec.EncodeSpawn(&ask)
	if err != nil {
		return spec.SpawnReply{}, err
	}
	fd, err := sys.DialPacket(path)
	if err != nil {
		return spec.SpawnReply{}, err
	}
	defer sys.CloseAll([]int{fd})
	if err := checkPeer(fd); err != nil {
		return spec.SpawnReply{}, fmt.Errorf("cannot use %q: %w", path, err)
	}
	if err := sys.SendPacket(fd, frame, nil); err != nil {
		return spec.SpawnReply{}, fmt.Errorf("cannot ask at %q: %w", path, err)
	}
	buf := make([]byte, spec.MaxFrame)
	for end := time.Now().Add(timeout); ; {
		n, fds, err := sys.ReceivePacket(fd, buf)
		sys.CloseAll(fds)
		switch {
		case err == nil:
			return spec.DecodeSpawnReply(buf[:n])
		case !errors.Is(err, sys.ErrWouldBlock):
			return spec.SpawnReply{}, fmt.Errorf("sysg-exec does not answer at %q: %w", path, err)
		}
		left := time.Until(end)
		if left <= 0 {
			return spec.SpawnReply{}, errNoAnswer
		}
		if _, err := sys.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left.Milliseconds())+1); err != nil {
			return spec.SpawnReply{}, err
		}
	}
}
