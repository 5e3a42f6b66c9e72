package main

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/spec"
)

// Before Linux 6.5 there is no SO_PEERPIDFD (socket(7)), and getsockopt says so.
// A filter says it here, to a helper and to all that it starts.

// withoutPeerPidfd becomes a program for which that option is unknown.
func withoutPeerPidfd(argv []string) error {
	const (
		number, level, option = 0, 16 + 8, 16 + 16 // In struct seccomp_data, on a little-endian machine.
		load, equal, ret      = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	)
	program := []unix.SockFilter{
		{Code: load, K: number}, {Code: equal, K: unix.SYS_GETSOCKOPT, Jf: 5},
		{Code: load, K: level}, {Code: equal, K: unix.SOL_SOCKET, Jf: 3},
		{Code: load, K: option}, {Code: equal, K: unix.SO_PEERPIDFD, Jf: 1},
		{Code: ret, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOPROTOOPT)}, {Code: ret, K: unix.SECCOMP_RET_ALLOW},
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	runtime.LockOSThread()
	// It takes root or no_new_privs; the helper is root, and must not have these.
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&filter))); errno != 0 {
		return errno
	}
	return unix.Exec(argv[0], argv, os.Environ())
}

// startUnproved starts a helper of the system's instance that cannot prove who asks.
func startUnproved(t *testing.T) *instance {
	t.Helper()
	i := startSystem(t)
	i.alive()
	i.kill9()
	i.wrap = []string{os.Args[0], "act", "without-peerpidfd"}
	i.start()
	i.alive()
	return i
}

// Where only a number says who has connected, that number decides, and decides
// the same.
func TestWithoutAPidfdTheNumberTellsWhoAsks(t *testing.T) {
	i := startUnproved(t)
	i.dialDaemon().list()
	for _, uid := range []int{serviceUID, strangerUID} {
		if !i.dialAs(uid).cutOff() {
			t.Errorf("uid %d was answered", uid)
		}
	}
	if err := os.Chmod(i.socket, 0o666); err != nil {
		t.Fatal(err)
	}
	c := i.dial()
	c.list()
	for _, uid := range []uint32{0, daemonUID, serviceUID} {
		p := c.launch(c.install(runsAs(uid, service("s", dials(i.socket, helloFrame)))), "s")
		if said := readUntil(t, p.out, "\n"); said != "cut off\n" {
			t.Errorf("uid %d inside a service is answered %q", uid, said)
		}
		c.done(spec.Request{Kill: &spec.Kill{Incarnation: p.id}})
		c.over(p.id)
	}
	// One that is gone is nobody, whoever has its connection.
	helper := i.command.Process
	if err := helper.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	said := leavesConnection(t, i.socket)
	if err := helper.Signal(unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if got := said(); got != "up\ncut off" {
		t.Errorf("what was left a connection says %q", got)
	}
}

// A number is no proof for a child: that would be launched with what the service
// has, for whoever has got the number.
func TestWithoutAPidfdNobodyHasChildren(t *testing.T) {
	i := startUnproved(t)
	c := i.dial()
	c.list()
	const frame = `{"name":"x","argv":["/bin/true"]}`
	s := runsAs(serviceUID, spawning("s", dials(i.spawnSocket(), frame), generation.Spawn{Children: 9, Depth: 1, Descendants: 9}))
	p := c.launch(c.install(s), "s")
	if r := answerOf(t, readUntil(t, p.out, "\n")); !strings.Contains(r.Error, "Linux 6.5") {
		t.Errorf("it was answered %+v", r)
	}
	if all := c.list(); len(all) != 1 {
		t.Errorf("%d incarnations", len(all))
	}
}
