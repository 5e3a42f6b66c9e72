package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/paths"
	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

const (
	// daemonUID is sysgd's in these tests, serviceUID a service's, strangerUID
	// that of somebody who has nothing to do with either.
	daemonUID   = 54321
	serviceUID  = 54322
	strangerUID = 54323
)

// startSystem starts the helper of a system's instance.
func startSystem(t testing.TB, args ...string) *instance {
	t.Helper()
	requireRoot(t)
	i := startHelper(t, append([]string{"--system", "--daemon-uid", fmt.Sprint(daemonUID)}, args...)...)
	// Anybody may try; in an installation not even that.
	for _, path := range []string{filepath.Dir(i.socket), filepath.Dir(filepath.Dir(i.socket))} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return i
}

// dialAs connects as another user, and says Hello.
func (i *instance) dialAs(uid int) *client {
	i.t.Helper()
	if err := os.Chmod(i.socket, 0o666); err != nil {
		i.t.Fatal(err)
	}
	var c *client
	asUser(uid, func() {
		fd, err := sys.DialPacket(i.socket)
		if err != nil {
			i.t.Error(err)
			return
		}
		c = &client{t: i.t, fd: fd}
	})
	if c == nil {
		i.t.FailNow()
	}
	i.t.Cleanup(c.close)
	return c
}

// dialDaemon connects as sysgd does.
func (i *instance) dialDaemon() *client {
	i.t.Helper()
	c := i.dialAs(daemonUID)
	c.ask(spec.Request{Hello: &spec.Hello{Version: spec.Version, Min: spec.Min}})
	if p := c.answer(); p.Hello == nil {
		i.t.Fatalf("hello was answered by %+v", p.Reply)
	}
	return c
}

// cutOff says whether a connection is closed without a word.
func (c *client) cutOff() bool {
	c.t.Helper()
	_ = sys.SendPacket(c.fd, []byte(`{"id":1,"hello":{"version":1,"min":1}}`), nil)
	_, err := c.receive()
	return err != nil
}

// runsAs is a service that runs as a user with nothing.
func runsAs(uid uint32, s generation.LaunchService) generation.LaunchService {
	s.Confinement = &generation.Confinement{Identity: generation.Identity{UID: uid, GID: uid}}
	return s
}

func TestTheSystemsHelperListensToRootAndTheDaemon(t *testing.T) {
	i := startSystem(t)
	i.alive()
	i.dialDaemon().list()
	for _, uid := range []int{serviceUID, strangerUID, 65534} {
		if !i.dialAs(uid).cutOff() {
			t.Errorf("uid %d was answered", uid)
		}
	}
	i.alive()
}

func TestTheDaemonInstallsNothing(t *testing.T) {
	i := startSystem(t)
	root, daemon := i.dial(), i.dialDaemon()
	in := root.install(runsAs(serviceUID, service("s", "exit")))
	text, err := generation.Encode(compiled(runsAs(0, service("s", "id"))))
	if err != nil {
		t.Fatal(err)
	}
	fd, err := sys.SealedMemfd("forged", text)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	daemon.send(spec.Request{Install: &spec.Install{}}, fd)
	daemon.deniedTo(t, "install")
	daemon.ask(spec.Request{Activate: &spec.Activate{Project: "test", Number: 1}})
	daemon.deniedTo(t, "activate")
	daemon.ask(spec.Request{Remove: &spec.Remove{Project: "test"}})
	daemon.deniedTo(t, "remove")
	if again := root.install(runsAs(serviceUID, service("s", "exit"))); again.Number != in.Number || again.Changed {
		t.Errorf("%+v was installed, and then %+v", in, again)
	}
}

// deniedTo expects that the last request was refused to this peer.
func (c *client) deniedTo(t *testing.T, what string) {
	t.Helper()
	if p := c.answer(); p.Refused == nil || p.Refused.Reason != spec.ReasonPeer {
		t.Errorf("%s was answered by %+v, refused %+v", what, p.Reply, p.Refused)
	}
}

// What the helper makes of its state directory.
func TestTheSystemsStateIsRoots(t *testing.T) {
	i := startSystem(t)
	i.dial().install(runsAs(serviceUID, service("s", "exit")))
	for name, want := range map[string]string{
		".": "0755 0", "generations": "0750 54321", "generations/test": "0750 54321", "incarnations": "0700 0", "exec.lock": "0600 0",
		"generations/test/1.json": "0640 54321", "generations/test/1.launch.json": "0600 0", "../notify": "0711 0", "../spawn.sock": "0666 0",
	} {
		info, err := os.Lstat(filepath.Join(i.state, name))
		if err != nil {
			t.Error(err)
			continue
		}
		stat := info.Sys().(*syscall.Stat_t)
		if got := fmt.Sprintf("%04o %d", stat.Mode&0o7777, stat.Gid); got != want || stat.Uid != 0 {
			t.Errorf("%s has %s of uid %d, want %s of root's", name, got, stat.Uid, want)
		}
	}
}

// It does not start where somebody else could exchange what it opens.
func TestItServesNoStateThatOthersCanChange(t *testing.T) {
	for name, change := range map[string]func(state string) error{
		"another's":           func(state string) error { return os.Chown(state, strangerUID, 0) },
		"written by a group":  func(state string) error { return os.Chmod(state, 0o775) },
		"written by all":      func(state string) error { return os.Chmod(state, 0o1777) },
		"a link":              func(state string) error { return os.Remove(state) },
		"below another's":     func(state string) error { return os.Chown(filepath.Dir(state), daemonUID, 0) },
		"its store another's": func(state string) error { return os.Chown(state+"/generations", daemonUID, 0) },
		"its records too":     func(state string) error { return os.Chown(state+"/incarnations", daemonUID, 0) },
		"its store a link":    func(state string) error { return linkedAway(state + "/generations") },
	} {
		i := startSystem(t)
		i.alive()
		i.kill9()
		if name == "a link" {
			change = linkedAway
		}
		if err := change(i.state); err != nil {
			t.Fatal(err)
		}
		i.start()
		if err := i.command.Wait(); err == nil || !strings.Contains(i.stderr.String(), "cannot use the") {
			t.Errorf("%s: it ended with %v: %s", name, err, i.stderr)
		}
	}
}

func linkedAway(path string) error {
	if err := os.Rename(path, path+".real"); err != nil {
		return err
	}
	return os.Symlink(path+".real", path)
}

func TestOptionsOfTheSystem(t *testing.T) {
	requireRoot(t)
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"sessions":             {[]string{"--system", "--daemon-uid", "5", "--containment", "session"}, "only cgroups"},
		"a daemon of nobody's": {[]string{"--daemon-uid", "5"}, "is for --system"},
		"a daemon that is root": {[]string{"--system", "--daemon-uid", "0"},
			"not the number"},
	} {
		if _, err := parseOptions(test.args); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	o, err := parseOptions([]string{"--system", "--daemon-uid", "5"})
	if err != nil || o.state != paths.SystemState || o.containment != "cgroup" || o.daemon != (account{5, 5}) {
		t.Errorf("%+v, %v", o, err)
	}
}
