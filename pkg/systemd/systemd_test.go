package systemd

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestMain becomes the daemon of the tests below where it is told which
// listener to take: it prints the name, the rest of the environment and the
// number of descriptors that a second call finds.
func TestMain(m *testing.M) {
	name, child := os.LookupEnv("SYSTEMD_TEST_TAKES")
	if !child {
		os.Exit(m.Run())
	}
	if os.Getenv("LISTEN_PID") == "mine" {
		_ = os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	}
	listener, others, err := Listener(name)
	if err != nil {
		fmt.Println(err)
		os.Exit(0)
	}
	_, _, again := Listener(name)
	fmt.Printf("%s, others %q, then %v, LISTEN_FDS=%q\n",
		listener.Addr().Network(), slices.Sorted(maps.Keys(others)), again, os.Getenv("LISTEN_FDS"))
	conn, err := listener.Accept()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	_, _ = conn.Write([]byte("hello"))
	_ = listener.Close()
	os.Exit(0)
}

// started runs the daemon with files from descriptor 3 on.
func started(t *testing.T, takes, pid, names string, files ...*os.File) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{
		"SYSTEMD_TEST_TAKES=" + takes, "LISTEN_PID=" + pid,
		"LISTEN_FDS=" + strconv.Itoa(len(files)), "LISTEN_FDNAMES=" + names,
	}
	cmd.ExtraFiles = files
	out := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

func listenUnix(t *testing.T, network, path string) *os.File {
	t.Helper()
	listener, err := net.ListenUnix(network, &net.UnixAddr{Name: path, Net: network})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	file, err := listener.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

func TestAListenerIsTakenOverByName(t *testing.T) {
	dir := t.TempDir()
	control := filepath.Join(dir, "control.sock")
	other := listenUnix(t, "unixpacket", filepath.Join(dir, "other.sock"))
	cmd, out := started(t, "control", "mine", "other:control", other, listenUnix(t, "unix", control))
	conn, err := net.Dial("unix", control)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	hello := make([]byte, 5)
	if _, err := conn.Read(hello); err != nil || string(hello) != "hello" {
		t.Errorf("the daemon says %q, %v", hello, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	want := `unix, others ["other"], then cannot find listener "control" among those handed over by LISTEN_FDS: [], LISTEN_FDS=""` + "\n"
	if out.String() != want {
		t.Errorf("the daemon prints %q, want %q", out, want)
	}
	if _, err := os.Lstat(control); err != nil {
		t.Errorf("the socket's path went with the daemon: %v", err)
	}
}

func TestAListenerThatIsNotThere(t *testing.T) {
	dir := t.TempDir()
	file, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	one := func(t *testing.T) *os.File { return listenUnix(t, "unix", filepath.Join(t.TempDir(), "s")) }
	for name, test := range map[string]struct {
		pid, names string
		files      []*os.File
		want       string
	}{
		"none":                   {"mine", "", nil, `cannot find listener "control" among those handed over by LISTEN_FDS: []`},
		"for another process":    {"1", "control", []*os.File{one(t)}, `cannot find listener "control" among those handed over by LISTEN_FDS: []`},
		"of another name":        {"mine", "exec", []*os.File{one(t)}, `cannot find listener "control" among those handed over by LISTEN_FDS: ["exec"]`},
		"two of one name":        {"mine", "control:control", []*os.File{one(t), one(t)}, `cannot take over listener "control": there are two of that name`},
		"something of that name": {"mine", "control", []*os.File{file}, `cannot take over listener "control": `},
	} {
		t.Run(name, func(t *testing.T) {
			cmd, out := started(t, "control", test.pid, test.names, test.files...)
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
			if !strings.HasPrefix(out.String(), test.want) {
				t.Errorf("the daemon prints %q, want %q", out, test.want)
			}
		})
	}
}

func TestNotify(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if err := Notify(Ready); err != nil {
		t.Errorf("without a service manager: %v", err)
	}
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	if err := Notify(Ready, "STATUS=12 services"); err != nil {
		t.Fatal(err)
	}
	packet := make([]byte, 100)
	n, err := socket.Read(packet)
	if want := "READY=1\nSTATUS=12 services"; err != nil || string(packet[:n]) != want {
		t.Errorf("got %q, %v; want %q", packet[:n], err, want)
	}
	t.Setenv("NOTIFY_SOCKET", path+"-absent")
	if err := Notify(Stopping); err == nil {
		t.Error("nobody heard it, and there is no error")
	}
}
