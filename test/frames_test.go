//go:build e2e

package test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// sendFrame is the command
//
//	frame control|exec garbage|huge|half|stranger
//
// It sends what no client sends, and demands that the daemon ends that
// connection, or answers with an error, and never anything else.
func sendFrame(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2)
	i := instanceOf(ts)
	socket := filepath.Join(i.runtimeDir(), args[0]+".sock")
	if args[1] == "stranger" {
		ts.Check(i.askAsStranger(args[0], socket))
		return
	}
	conn, err := dial(args[0], socket)
	ts.Check(err)
	defer conn.Close()
	ts.Check(conn.SetDeadline(time.Now().Add(patience)))
	switch args[1] {
	case "garbage":
		ts.Check(sendAndExpectEnd(conn, []byte("\x00\xff{not json]\x00")))
	case "huge":
		ts.Check(sendHuge(args[0], conn))
	case "half":
		ts.Check(sendHalf(args[0], conn))
	default:
		ts.Fatalf("unknown frame %q", args[1])
	}
}

func dial(kind, socket string) (net.Conn, error) {
	network := "unix"
	if kind == "exec" {
		network = "unixpacket"
	}
	return net.Dial(network, socket)
}

// sendAndExpectEnd sends and reads until the peer hangs up. Every answer on the
// way must be a refusal.
func sendAndExpectEnd(conn net.Conn, frame []byte) error {
	// The peer may hang up while we still write: that is the point.
	if _, err := conn.Write(frame); err != nil && !hungUp(err) {
		return err
	}
	return expectEnd(conn)
}

func expectEnd(conn net.Conn) error {
	var said strings.Builder
	buffer := make([]byte, 1<<16)
	for {
		n, err := conn.Read(buffer)
		said.Write(buffer[:n])
		if n == 0 && err == nil {
			break // the end of file of a packet socket
		}
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return fmt.Errorf("the daemon keeps the connection open; it said %q", said.String())
			}
			break
		}
	}
	if text := said.String(); text != "" && !strings.Contains(text, "error") && !strings.Contains(text, "refused") {
		return fmt.Errorf("the daemon answered %q", text)
	}
	return nil
}

func hungUp(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// sendHuge passes the limit: one MiB without an end for control.sock, a packet
// above 64 KiB for exec.sock.
func sendHuge(kind string, conn net.Conn) error {
	if kind == "exec" {
		packet := []byte(`{"id":1,"hello":{"version":1,"min":1}` + strings.Repeat(" ", 100<<10) + "}")
		return sendAndExpectEnd(conn, packet)
	}
	chunk := []byte(strings.Repeat("x", 64<<10))
	if _, err := conn.Write([]byte(`{"method":"`)); err != nil {
		return err
	}
	for range 64 { // 4 MiB, four times the limit
		if _, err := conn.Write(chunk); err != nil {
			if hungUp(err) {
				return nil
			}
			return err
		}
	}
	return expectEnd(conn)
}

// sendHalf leaves a frame unfinished and hangs up. On the packet socket, where
// there are no halves, it is half an object.
func sendHalf(kind string, conn net.Conn) error {
	frame := []byte(`{"method":"org.systemg.Con`)
	if kind == "exec" {
		return sendAndExpectEnd(conn, []byte(`{"id":1,"hel`))
	}
	_, err := conn.Write(frame)
	return err
}

// askAsStranger opens the way to the socket and connects as another uid: only
// the check of the peer's credentials is left to refuse it.
func (i *instance) askAsStranger(kind, socket string) error {
	for _, folder := range []string{i.home, filepath.Dir(i.runtimeDir()), i.runtimeDir()} {
		before, err := os.Stat(folder)
		if err != nil {
			return err
		}
		defer os.Chmod(folder, before.Mode().Perm())
		if err := os.Chmod(folder, 0o755); err != nil {
			return err
		}
	}
	if err := os.Chmod(socket, 0o666); err != nil {
		return err
	}
	defer os.Chmod(socket, 0o600)
	command := exec.Command(filepath.Join(programs, "stranger"), kind, socket)
	command.Env = []string{"SYSG_TEST_HELPER=stranger"}
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 64099, Gid: 64099}}
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("the stranger: %w: %s", err, output)
	}
	return nil
}

// copySelf puts the test binary where another user may execute it. It is done
// before any script runs: a program that a fork still has open for writing
// cannot be executed.
func copySelf(folder string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "stranger"), text, 0o755)
}

// helper is the test binary's other self.
func helper(name string, args []string) int {
	if name == "play" {
		return play(args)
	}
	if name != "stranger" || len(args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: stranger KIND SOCKET")
		return 2
	}
	if err := beStranger(args[0], args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func beStranger(kind, socket string) error {
	conn, err := dial(kind, socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	frame := []byte("{\"method\":\"org.systemg.Control.Status\",\"parameters\":{\"project\":\"\",\"services\":[]}}\x00")
	if kind == "exec" {
		frame = []byte(`{"id":1,"hello":{"version":1,"min":1}}`)
	}
	return sendAndExpectEnd(conn, frame)
}
