package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// askForChild is a process inside a service that asks for children with frames,
// all at once, and prints the answers. (Where a machine is slow, processes that ask
// for one each would not all ask in one second.)
func askForChild(frames []string) {
	var all sync.WaitGroup
	for _, text := range frames {
		frame, _ := hex.DecodeString(text)
		all.Go(func() {
			reply, err := askSpawn(os.Getenv("SYSG_SPAWN_SOCKET"), frame)
			if err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			fmt.Println(string(reply))
		})
	}
	all.Wait()
}

// askSpawn sends a frame to spawn.sock and returns the answer.
func askSpawn(path string, frame []byte, fds ...int) ([]byte, error) {
	fd, err := sys.DialPacket(path)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	if err := sys.SendPacket(fd, frame, fds); err != nil {
		return nil, err
	}
	buf := make([]byte, spec.MaxFrame)
	for {
		_, _ = sys.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(patience.Milliseconds()))
		n, _, err := sys.ReceivePacket(fd, buf)
		if errors.Is(err, sys.ErrWouldBlock) {
			return nil, errors.New("no answer")
		}
		return buf[:max(n, 0)], err
	}
}

// spawning is a service that may have children, with a script to be told frames.
func spawning(name, script string, limits generation.Spawn) generation.LaunchService {
	s := service(name, script)
	limits.Termination = generation.TerminateCascade
	s.Spawn = &limits
	return s
}

// asks is a line of shell that asks for a child.
func asks(argv ...string) string { return asksFor(spec.Spawn{Name: "worker", Argv: argv}) }

func asksFor(all ...spec.Spawn) string {
	line := strconv.Quote(os.Args[0]) + " act spawn"
	for _, s := range all {
		frame, _ := json.Marshal(s)
		line += fmt.Sprintf(" %x", frame)
	}
	return line
}

func (i *instance) spawnSocket() string { return filepath.Join(filepath.Dir(i.socket), "spawn.sock") }

// spawned waits for a child of an incarnation.
func (c *client) spawned(parent string) packet {
	c.t.Helper()
	return c.wait(func(p packet) bool { return p.Spawned != nil && p.Spawned.Record.Child.Parent == parent })
}

func answerOf(t *testing.T, text string) spec.SpawnReply {
	t.Helper()
	r, err := spec.DecodeSpawnReply([]byte(strings.TrimSpace(text)))
	if err != nil {
		t.Fatalf("%v: %q", err, text)
	}
	return r
}

func TestAServiceHasChildrenOfItsOwn(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		child := spec.Spawn{Name: "worker-1", Argv: []string{"/bin/sh", "-c", tell + `; echo "cwd $(pwd) $EXTRA $(umask)"`, "x", "{slot}"}, Dir: "/usr", Env: []string{"EXTRA=yes", "SPAWN_DEPTH=9"}, TTL: 5e9}
		s := spawning("s", asksFor(child)+"; exec sleep 600", generation.Spawn{Children: 1, Depth: 1, Descendants: 1})
		s.Umask = 0o027
		in := c.install(s)
		p := c.launch(in, "s")
		answer := answerOf(t, readUntil(t, p.out, "\n"))
		e := c.spawned(p.id)
		r := e.Spawned.Record
		if r.PID != answer.PID || r.Launch.Incarnation != answer.Incarnation || r.Launch.Role != spec.RoleChild || r.Launch.Service != "s" || r.Launch.Generation != in.Number {
			t.Errorf("the event tells %+v, the answer %+v", r, answer)
		}
		if r.Child.Name != "worker-1" || r.Child.Depth != 1 || r.Child.TTL != 5e9 || len(r.Child.Argv) != 5 {
			t.Errorf("the child is %+v", r.Child)
		}
		text := readAll(t, e.fds[1])
		want(t, "depth", line(t, text, "SPAWN_DEPTH="), "1")
		want(t, "service", line(t, text, "SYSG_SERVICE="), "s")
		want(t, "invocation", line(t, text, "SYSG_INVOCATION_ID="), answer.Incarnation)
		want(t, "arguments", line(t, text, "args "), "x {slot}")
		want(t, "directory, variable and umask", line(t, text, "cwd "), "/usr yes 0027")
		if asker, err := strconv.Atoi(line(t, text, "SPAWN_PARENT_PID=")); err != nil || asker < 2 {
			t.Errorf("its parent is %d", asker)
		}
		if mode == "cgroup" && !strings.HasSuffix(line(t, text, "0::"), "/s-s/child-"+answer.Incarnation) {
			t.Errorf("it is in %s", line(t, text, "0::"))
		}
		c.over(answer.Incarnation)
		if gone(p.pid) {
			t.Error("the service ended with its child")
		}
	})
}

func TestEachLimitOnChildrenIsEnforced(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		nested := asks("/bin/sh", "-c", strings.Repeat(asks("/bin/sleep", "600")+";", 2)+" exec sleep 600")
		in := c.install(
			spawning("children", strings.Repeat(asks("/bin/sleep", "600")+";", 3), generation.Spawn{Children: 2, Depth: 1, Descendants: 9}),
			spawning("depth", nested+"; exec sleep 600", generation.Spawn{Children: 9, Depth: 1, Descendants: 9}),
			spawning("descendants", nested+"; exec sleep 600", generation.Spawn{Children: 9, Depth: 2, Descendants: 2}),
			service("none", "SYSG_SPAWN_SOCKET='"+i.spawnSocket()+"' "+asks("/bin/true")),
			spawning("rate", asksFor(slices.Repeat([]spec.Spawn{{Name: "worker", Argv: []string{"/bin/true"}}}, spec.MaxSpawnRate+1)...), generation.Spawn{Children: 99, Depth: 1, Descendants: 99}),
		)
		p := c.launch(in, "children")
		answers := strings.SplitAfter(strings.TrimSpace(readAll(t, p.out)), "\n")
		if len(answers) != 3 || answerOf(t, answers[0]).Error != "" || answerOf(t, answers[2]).Limit != "children" || !strings.Contains(answers[2], "spawn.limits.children") {
			t.Errorf("children: %q", answers)
		}

		p = c.launch(in, "depth")
		first := readUntil(t, p.out, "\n")
		e := c.spawned(p.id)
		if text := readUntil(t, e.fds[1], "\n"); !strings.Contains(text, `"limit":"depth"`) || answerOf(t, first).Error != "" {
			t.Errorf("depth: %s then %s", first, text)
		}

		p = c.launch(in, "descendants")
		readUntil(t, p.out, "\n")
		child := c.spawned(p.id)
		text := readUntil(t, child.fds[1], "descendants")
		first, _, _ = strings.Cut(text, "\n")
		grand := answerOf(t, first)
		if r := c.spawned(child.Spawned.Record.Launch.Incarnation).Spawned.Record; r.Child.Depth != 2 || r.PID != grand.PID {
			t.Errorf("a child's child is %+v, answered by %+v", r, grand)
		}

		p = c.launch(in, "none")
		if r := answerOf(t, readUntil(t, p.out, "\n")); !strings.Contains(r.Error, "spawn") || r.Limit != "" {
			t.Errorf("a service without spawn: %+v", r)
		}

		began := time.Now()
		p = c.launch(in, "rate")
		text = readAll(t, p.out)
		// A machine that takes longer for them all reaches no rate.
		slow := time.Since(began) >= time.Second
		if n := strings.Count(text, `"limit":"rate"`); n != 1 && !slow || n > 1 || n == 1 && !strings.Contains(text, "10 new children in a second") {
			t.Errorf("%d of %d were refused:\n%s", n, spec.MaxSpawnRate+1, text)
		}
	})
}

func TestWhoIsNotInsideMustNameSomebodyWhoIs(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		i := startHelper(t, "--containment", mode)
		c := i.dial()
		c.list()
		limits := generation.Spawn{Children: 9, Depth: 1, Descendants: 9}
		in := c.install(spawning("s", "sleep 600 & echo $!; wait", limits), service("none", "exec sleep 600"))
		p, none := c.launch(in, "s"), c.launch(in, "none")
		inside, _ := strconv.Atoi(strings.TrimSpace(readUntil(t, p.out, "\n")))
		ask := func(parent int) spec.SpawnReply {
			frame, _ := json.Marshal(spec.Spawn{Name: "w", Argv: []string{"/bin/sh", "-c", "echo $SPAWN_PARENT_PID"}, ParentPID: parent})
			text, err := askSpawn(i.spawnSocket(), frame)
			if err != nil {
				t.Fatal(err)
			}
			return answerOf(t, string(text))
		}
		for _, parent := range []int{0, 1, os.Getpid(), none.pid, 1 << 22} {
			if r := ask(parent); r.Error == "" {
				t.Errorf("for process %d it was answered by %+v", parent, r)
			}
		}
		r := ask(inside)
		if r.Error != "" {
			t.Fatalf("for a process of the service: %s", r.Error)
		}
		e := c.spawned(p.id)
		want(t, "its parent", strings.TrimSpace(readAll(t, e.fds[1])), strconv.Itoa(inside))
		c.stopRun(p.id)
		if r := ask(inside); r.Error == "" {
			t.Errorf("for a process that has ended: %+v", r)
		}
	})
}

func TestNobodySpeaksForAnotherService(t *testing.T) {
	i := startHelper(t)
	c := i.dial()
	c.list()
	limits := generation.Spawn{Children: 9, Depth: 1, Descendants: 9}
	s := spawning("s", "exec sleep 600", limits)
	in := c.install(s)
	p := c.launch(in, "s")
	thief := spawning("thief", asksFor(spec.Spawn{Name: "w", Argv: []string{"/bin/true"}, ParentPID: p.pid}), limits)
	hook := generation.Command{Role: spec.RoleOnStart, Argv: []string{"/bin/sh", "-c", "SYSG_SPAWN_SOCKET='" + i.spawnSocket() + "' " + asks("/bin/true")}}
	thief.Roles = append(thief.Roles, hook)
	in = c.install(s, thief)
	if r := answerOf(t, readUntil(t, c.launch(in, "thief").out, "\n")); !strings.Contains(r.Error, "another service") {
		t.Errorf("answered by %+v", r)
	}
	h := c.launchAs(in, "thief", spec.RoleOnStart, nil)
	if r := answerOf(t, readUntil(t, h.fds[1], "\n")); !strings.Contains(r.Error, "onstart") {
		t.Errorf("a hook was answered by %+v", r)
	}
}
