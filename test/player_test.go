//go:build e2e

package test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// A service under test is the test binary's other self where a shell cannot
// play its part:
//
//	SYSG_TEST_HELPER=play stranger STEP...
//
// The steps are taken in order; after the last one it waits to be ended.

// play takes the steps of a service.
func play(steps []string) int {
	for _, step := range steps {
		verb, rest, _ := strings.Cut(step, ":")
		if err := take(verb, rest); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", step, err)
			return 1
		}
	}
	for {
		time.Sleep(time.Hour) // select{} would be taken for a deadlock.
	}
}

func take(verb, rest string) error {
	switch verb {
	case "send": // a message of sd_notify(3), lines separated by commas
		return notify(rest)
	case "heard": // waits until all that was sent is; who ends sooner may not be believed
		return heard()
	case "every": // PERIOD:MESSAGE, from now on
		period, text, _ := strings.Cut(rest, ":")
		pause, err := time.ParseDuration(period)
		if err != nil {
			return err
		}
		go func() {
			for range time.Tick(pause) {
				_ = notify(text)
			}
		}()
	case "until": // a file is there
		for {
			if _, err := os.Stat(rest); err == nil {
				return nil
			}
			time.Sleep(5 * time.Millisecond)
		}
	case "sleep":
		pause, err := time.ParseDuration(rest)
		if err != nil {
			return err
		}
		time.Sleep(pause)
	case "term": // waits for SIGTERM
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		<-signals
	case "write": // FILE:TEXT
		file, text, _ := strings.Cut(rest, ":")
		return os.WriteFile(file, []byte(text+"\n"), 0o644)
	case "pid": // into a file
		return os.WriteFile(rest, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644)
	case "undumpable": // nobody but root may look into it any more
		return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	case "print":
		fmt.Println(rest)
	case "exit":
		code, err := strconv.Atoi(rest)
		if err != nil {
			return err
		}
		os.Exit(code)
	case "fork": // STEPS of a child, separated by spaces; it becomes the main process
		return forkMain(strings.Fields(rest))
	case "store": // NAME:TEXT in a descriptor
		name, text, _ := strings.Cut(rest, ":")
		return storeText(name, text)
	case "storeonce": // the same, unless something is stored
		if os.Getenv("LISTEN_FDS") != "" {
			return nil
		}
		name, text, _ := strings.Cut(rest, ":")
		return storeText(name, text)
	case "listeners": // TEXT, that the sockets passed on answer with
		return serveListeners(rest)
	case "ask": // NETWORK:ADDRESS, and writes the answer to file answer
		network, address, _ := strings.Cut(rest, ":")
		return askInFile(network, address)
	case "stored": // prints what is passed
		return printStored()
	case "http": // ADDRESS:FILE, answers with the status line in the file
		i := strings.LastIndex(rest, ":")
		return serveHTTP("tcp", rest[:i], rest[i+1:])
	case "https": // ADDRESS:FILE, the same over TLS, and writes who is to be believed into ca.pem
		i := strings.LastIndex(rest, ":")
		return serveHTTPS(rest[:i], rest[i+1:])
	case "accept": // NETWORK:ADDRESS, and says nothing
		network, address, _ := strings.Cut(rest, ":")
		return serveHTTP(network, address, "")
	default:
		return errors.New("unknown step")
	}
	return nil
}

func notify(text string, control ...byte) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	text = strings.ReplaceAll(text, ",", "\n")
	return unix.Sendmsg(fd, []byte(text), control, &unix.SockaddrUnix{Name: os.Getenv("NOTIFY_SOCKET")}, 0)
}

// heard is the barrier of sd_notify_barrier(3): the write end of a pipe goes to
// the supervisor, which closes it when it has seen all before.
func heard() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	err = notify("BARRIER=1", unix.UnixRights(int(w.Fd()))...)
	w.Close()
	if err != nil {
		return err
	}
	if _, err := r.Read(make([]byte, 1)); err != io.EOF {
		return fmt.Errorf("cannot wait for the barrier: %w", err)
	}
	return nil
}

func forkMain(steps []string) error {
	command := exec.Command(os.Args[0], steps...)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	if err := command.Start(); err != nil {
		return err
	}
	return notify(fmt.Sprintf("MAINPID=%d", command.Process.Pid))
}

func storeText(name, text string) error {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte(text)); err != nil {
		return err
	}
	return notify("FDSTORE=1,FDNAME="+name, unix.UnixRights(fd)...)
}

// printStored prints the names and the contents of the descriptors from 3 on.
func printStored() error {
	count, _ := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if pid := os.Getenv("LISTEN_PID"); count > 0 && pid != strconv.Itoa(os.Getpid()) {
		return fmt.Errorf("LISTEN_PID is %s", pid)
	}
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	for i := range count {
		buf := make([]byte, 100)
		n, err := unix.Pread(3+i, buf, 0)
		if err != nil {
			return err
		}
		fmt.Printf("stored %s: %s\n", names[i], buf[:n])
	}
	fmt.Printf("%d stored\n", count)
	return nil
}

// serveHTTP answers each request with the status that stands in the file at
// that time; without a file it never answers.
func serveHTTP(network, address, file string) error {
	listener, err := net.Listen(network, address)
	if err == nil {
		go answerAll(listener, file)
	}
	return err
}

func answerAll(listener net.Listener, file string) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go answerHTTP(conn, file)
	}
}

func answerHTTP(conn net.Conn, file string) {
	defer conn.Close()
	line, err := bufio.NewReader(conn).ReadString('\n')
	if file == "" {
		select {}
	}
	if err != nil {
		return
	}
	status, err := os.ReadFile(file)
	if err != nil {
		status = []byte("404 Not Found")
	}
	fmt.Printf("request %s", line)
	fmt.Fprintf(conn, "HTTP/1.1 %s\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", strings.TrimSpace(string(status)))
}

// freePort VAR sets VAR to a port that nobody has.
func freePort(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	ts.Check(err)
	ts.Setenv(args[0], port)
}
