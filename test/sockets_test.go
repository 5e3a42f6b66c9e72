//go:build e2e

package test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// serveListeners answers each connection to the sockets that were passed on
// (sd_listen_fds(3)) with a line, "TEXT PID NAMES", until SIGTERM. What it has
// accepted by then is answered; what it has not waits for the next incarnation.
func serveListeners(text string) error {
	count, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return fmt.Errorf("no sockets: LISTEN_FDS=%q LISTEN_PID=%q", os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_PID"))
	}
	var all sync.WaitGroup
	var listeners []net.Listener
	for fd := 3; fd < 3+count; fd++ {
		listener, err := net.FileListener(os.NewFile(uintptr(fd), "listener"))
		if err != nil {
			return err
		}
		if unix, ok := listener.(*net.UnixListener); ok {
			unix.SetUnlinkOnClose(false)
		}
		listeners = append(listeners, listener)
		all.Go(func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				fmt.Fprintln(conn, text, os.Getpid(), os.Getenv("LISTEN_FDNAMES"))
				_ = conn.Close()
			}
		})
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		<-signals
		for _, listener := range listeners {
			_ = listener.Close()
		}
		all.Wait()
		os.Exit(0)
	}()
	return nil
}

// askInFile is ask; file asked says that it is connected.
func askInFile(network, address string) error {
	conn, err := net.DialTimeout(network, address, patience)
	if err != nil {
		return err
	}
	if err := os.WriteFile("asked", nil, 0o644); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return errors.Join(err, os.WriteFile("answer", []byte(line), 0o644))
}

// ask connects and reads the line that serveListeners answers.
func ask(network, address string) (string, error) {
	conn, err := net.DialTimeout(network, address, patience)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(line), err
}

// connect NETWORK ADDRESS REGEXP connects and wants a line that matches.
// Negated, the connection has to be refused.
func connect(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || !neg && len(args) != 3 {
		ts.Fatalf("usage: connect NETWORK ADDRESS REGEXP")
	}
	line, err := ask(args[0], address(ts, args[1]))
	if neg {
		if err == nil || !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, os.ErrNotExist) {
			ts.Fatalf("connected: %q, %v", line, err)
		}
		return
	}
	ts.Check(err)
	if !compile(ts, args[2]).MatchString(line) {
		ts.Fatalf("it answered %q", line)
	}
}

// address makes a path that stands for a unix socket absolute.
func address(ts *testscript.TestScript, text string) string {
	if strings.Contains(text, ":") {
		return text
	}
	return ts.MkAbs(text)
}

// hammer connects to an address again and again, from several sides.
type hammer struct {
	stop     chan struct{}
	all      sync.WaitGroup
	answered atomic.Int64
	mu       sync.Mutex
	failures []error
	by       map[string]bool
}

var hammers sync.Map // of instances

// hammerAt is the command
//
//	hammer NETWORK ADDRESS     begins
//	hammer stop ANSWERERS      ends, and fails unless each attempt was answered,
//	                           by at least so many different processes
func hammerAt(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2)
	if args[0] == "stop" {
		stopHammer(ts, args[1])
		return
	}
	h := &hammer{stop: make(chan struct{}), by: map[string]bool{}}
	hammers.Store(instanceOf(ts), h)
	target := address(ts, args[1])
	for range 3 {
		h.all.Go(func() {
			for {
				select {
				case <-h.stop:
					return
				default:
				}
				line, err := ask(args[0], target)
				h.mu.Lock()
				if err != nil {
					h.failures = append(h.failures, err)
				}
				h.by[line] = true
				h.mu.Unlock()
				h.answered.Add(1)
			}
		})
	}
	ts.Defer(func() { h.end() })
}

func (h *hammer) end() {
	select {
	case <-h.stop:
	default:
		close(h.stop)
	}
	h.all.Wait()
}

func stopHammer(ts *testscript.TestScript, least string) {
	found, _ := hammers.LoadAndDelete(instanceOf(ts))
	h, ok := found.(*hammer)
	if !ok {
		ts.Fatalf("no hammer")
	}
	h.end()
	count, err := strconv.Atoi(least)
	ts.Check(err)
	ts.Logf("%d connections, answered by %d", h.answered.Load(), len(h.by))
	if len(h.failures) > 0 {
		ts.Fatalf("%d of %d connections failed: %v", len(h.failures), h.answered.Load(), h.failures[0])
	}
	if len(h.by) < count {
		ts.Fatalf("only %d processes answered", len(h.by))
	}
}
