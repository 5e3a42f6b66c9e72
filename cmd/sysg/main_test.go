package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"systemg.org/sysg/pkg/server"
)

var update = flag.Bool("update", false, "write the golden files")

// TestMain lets this binary stand for every program: for sysg, when that is
// what it is called, for the daemons that sysg starts, and for a client that
// starts them and says who answered.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "sysg":
		main()
	case "sysgd", "sysg-exec":
		if err := pretend(filepath.Base(os.Args[0])); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if how := os.Getenv("SYSG_TEST_CONNECT"); how != "" {
		os.Exit(connectAndTell(how))
	}
	os.Exit(m.Run())
}

// pretend is a daemon: it takes its listener as daemons do, notes its pid, and
// answers with it until it is killed.
func pretend(name string) error {
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) || os.Getenv("LISTEN_FDS") != "1" {
		return fmt.Errorf("LISTEN_PID=%s and LISTEN_FDS=%s, but we are %d", os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"), os.Getpid())
	}
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return err
	}
	pids, err := os.OpenFile(os.Getenv("SYSG_TEST_PIDS"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(pids, name, os.Getpid(), os.Getenv("LISTEN_FDNAMES"), os.Args[1:]); err != nil {
		return err
	}
	if name == "sysgd" {
		return server.Serve(context.Background(), listener, mute{}, server.Options{Version: strconv.Itoa(os.Getpid())})
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		_ = conn.Close()
	}
}

// mute is a supervisor that only GetInfo is asked of.
type mute struct{ server.Supervisor }

// connectAndTell prints the pid of the daemon that answers.
func connectAndTell(how string) int {
	i, err := locate(os.Getenv, os.Getuid())
	if err != nil {
		fmt.Println(err)
		return 1
	}
	connect := i.raise
	if how == "reach" {
		connect = i.reach
	}
	conn, err := connect()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	info, err := conn.Info(context.Background())
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(info.Version)
	return 0
}

// golden compares text with testdata/name.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s differs:\ngot\n%s\nwant\n%s", path, text, want)
	}
}

// environment is a lookup in a map.
func environment(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

func code(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	a := &app{}
	if _, isUsage := err.(*usage); isUsage {
		return "usage"
	}
	return a.diagnose(err).Code
}
