package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/grant"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// helper is all state of sysg-exec, owned by the loop, that is the main
// goroutine. Other goroutines reach it only through done and wakeFD.
type helper struct {
	options  options
	grants   grant.Helper
	boot     string
	contain  containment
	store    *generations
	nullFD   int
	listener int
	// spareFD is given up to accept, and close, one connection when there are
	// no descriptors left: an unaccepted one would wake the loop for ever.
	spareFD int

	epoll   *sys.Epoll
	watches map[uint64]*watch
	lastKey uint64

	// listeners are the keys of our own sockets.
	listeners []uint64
	closers   closers

	conns []*conn
	// receiver is the connection that events are sent to.
	receiver *conn
	// buf is for one frame at a time.
	buf          []byte
	incarnations map[string]*incarnation
	// room is how many incarnations there may be.
	room int
	// maxHeld is how many descriptors may be held for all services.
	maxHeld int

	// queue are launches that no launcher works on yet, flying those whose
	// deadline runs.
	queue  []*incarnation
	flying map[*incarnation]bool
	plain  *launcher
	// lost are launchers that are stuck; see expire.
	lost map[*launcher]bool
	// unsure are those of which it could not be told whether anything is left.
	unsure map[*incarnation]bool
	done   chan *job
	wakeFD int
	memory *memory

	// runtime is the directory of our sockets.
	runtime string
	// holdings are what is held for services over their restarts.
	holdings map[owner]*holding
	// cookies is what the file of our sockets has, earlier those in it at our
	// start.
	cookies string
	earlier []string
	// tasks are those whose deadline runs, busy how many of them, or of those
	// that were given up, are with a goroutine.
	tasks        map[*task]bool
	tasksWaiting []*task
	tasksDone    chan *task
	busy         int

	// spawnPath is "" where there is no spawn.sock.
	spawnPath string
	askers    []*asker
	// births are when the last children of a service came to be.
	births map[owner][]time.Time

	manager manager

	// custody is nil where there is no holder. found is what was in it at our
	// start, until it has its place.
	custody   *custody
	found     found
	regaining bool

	quitting bool
}

// maxLost bounds how many launchers may be stuck at a time.
const maxLost = 4

// watch is a descriptor in the epoll and what to do when it is ready.
type watch struct {
	fd     int
	handle func(events uint32)
}

func newHelper(o options, listener int) (*helper, error) {
	h := &helper{
		options: o, listener: listener, store: openGenerations(o),
		grants:  grant.Helper{UID: uint32(os.Geteuid()), System: o.system, Daemon: o.daemon.uid},
		watches: map[uint64]*watch{}, incarnations: map[string]*incarnation{}, flying: map[*incarnation]bool{},
		lost: map[*launcher]bool{}, unsure: map[*incarnation]bool{}, done: make(chan *job, maxLost+1), memory: newMemory(), manager: newManager(), buf: make([]byte, spec.MaxFrame),
		runtime: runtimeDir(o, listener), holdings: map[owner]*holding{}, births: map[owner][]time.Time{},
		tasks: map[*task]bool{}, tasksDone: make(chan *task, maxTasks), closers: closers{done: make(chan struct{}, maxClosers)},
	}
	var err error
	if h.boot, err = bootID(); err != nil {
		return nil, err
	}
	if h.room, h.maxHeld, err = room(); err != nil {
		return nil, err
	}
	if h.nullFD, err = unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return nil, fmt.Errorf("cannot open /dev/null: %w", err)
	}
	if h.spareFD, err = unix.Dup(h.nullFD); err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	unix.CloseOnExec(h.spareFD)
	if h.contain, err = chooseContainment(o); err != nil {
		return nil, err
	}
	if h.epoll, err = sys.NewEpoll(); err != nil {
		return nil, err
	}
	return h, h.watchOwn()
}

// watchOwn watches the descriptors that are there from start to end, and
// starts the launcher.
func (h *helper) watchOwn() (err error) {
	if h.wakeFD, err = sys.NewEventfd(); err != nil {
		return err
	}
	h.plain = startLauncher(h.done, h.wakeFD, &h.memory.forks)
	if _, err = h.watch(h.wakeFD, sys.Readable, func(uint32) { h.launchersDone() }); err != nil {
		return err
	}
	key, err := h.watch(h.listener, sys.Readable, func(uint32) { h.accept() })
	if err != nil {
		return err
	}
	h.listeners = append(h.listeners, key)
	if !h.contain.orphans() {
		return nil
	}
	orphanFD, err := sys.NewEventfd()
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGCHLD)
	go func() { // Ends with the process.
		for range signals {
			_ = sys.Signal(orphanFD)
		}
	}()
	_, err = h.watch(orphanFD, sys.Readable, func(uint32) {
		_ = sys.Drain(orphanFD)
		h.reapOrphans()
	})
	return err
}

// run is the loop. It ends by a Quit, or with an error.
func (h *helper) run() error {
	var ready []sys.Ready
	for !h.quitting {
		var err error
		if ready, err = h.epoll.Wait(ready[:0], h.timeout(time.Now())); err != nil {
			return err
		}
		for _, one := range ready {
			// An earlier handler of this turn may have ended the watch.
			if w := h.watches[one.Key]; w != nil {
				w.handle(one.Events)
			}
		}
		h.expire(time.Now())
		h.expireTasks(time.Now())
		h.askAgain(time.Now())
		h.dispatch()
		h.settle()
		h.report(time.Now(), len(ready) > 0)
		h.tidyMemory()
	}
	h.closeSpawn()
	h.contain.leave()
	h.leaveCustody()
	return nil
}

// watch calls handle whenever fd has one of events, until unwatch.
func (h *helper) watch(fd int, events uint32, handle func(uint32)) (key uint64, err error) {
	h.lastKey++
	if err := h.epoll.Add(fd, events, h.lastKey); err != nil {
		return 0, err
	}
	h.watches[h.lastKey] = &watch{fd, handle}
	return h.lastKey, nil
}

// rewatch changes the events of a watch.
func (h *helper) rewatch(key uint64, events uint32) error {
	return h.epoll.Modify(h.watches[key].fd, events, key)
}

// unwatch ends a watch, before its descriptor is closed. Key 0 is none.
func (h *helper) unwatch(key uint64) {
	if w := h.watches[key]; w != nil {
		delete(h.watches, key)
		_ = h.epoll.Remove(w.fd)
	}
}

// tidyMemory collects garbage while nobody forks. If much has come up during a
// launch, it lets nothing but the launchers go on until it is over; expire sees
// to it that it will be.
func (h *helper) tidyMemory() {
	for !h.memory.collect() && h.plain.current != nil {
		poll := []unix.PollFd{{Fd: int32(h.wakeFD), Events: unix.POLLIN}}
		if _, err := sys.Poll(poll, h.timeout(time.Now())); err != nil {
			return
		}
		h.launchersDone()
		h.expire(time.Now())
		h.report(time.Now(), false)
	}
}

// bootID tells this boot from every other.
func bootID() (string, error) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("cannot read the boot id: %w", err)
	}
	return string(text), nil
}
