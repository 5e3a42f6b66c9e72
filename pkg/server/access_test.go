package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/cgroup"
)

const people = 64990 // a group that is nobody's

func TestWhoIsWhatInTheSystemsInstance(t *testing.T) {
	group := uint32(people)
	open, closed := Access{Operators: &group}, Access{Operators: &group, Closed: func() bool { return true }}
	for _, test := range []struct {
		name   string
		access *Access
		who    person
		want   role
	}{
		{"root", &open, person{Caller: api.Caller{UID: 0}}, admin},
		{"an operator", &open, person{Caller: api.Caller{UID: 7}, groups: []uint32{1, people}}, operator},
		{"somebody", &open, person{Caller: api.Caller{UID: 7}, groups: []uint32{1}}, viewer},
		{"somebody, and others may not look", &closed, person{Caller: api.Caller{UID: 7}}, nobody},
		{"root, and others may not look", &closed, person{}, admin},
		{"an operator, and others may not look", &closed, person{Caller: api.Caller{UID: 7}, groups: []uint32{people}}, operator},
		{"a service of root's", &open, person{service: true}, viewer},
		{"a service of an operator's", &open, person{Caller: api.Caller{UID: 7}, groups: []uint32{people}, service: true}, viewer},
		{"a service of root's, and others may not look", &closed, person{service: true}, nobody},
		{"sysgd's own uid", &open, person{Caller: api.Caller{UID: os.Getuid() + 1}}, viewer},
		{"somebody, where there is no group", &Access{}, person{Caller: api.Caller{UID: 7}, groups: []uint32{0}}, viewer},
		{"the owner of a user's instance", nil, person{Caller: api.Caller{UID: os.Getuid()}}, admin},
		{"somebody else there", nil, person{Caller: api.Caller{UID: os.Getuid() + 1}}, nobody},
	} {
		s := newServer(newFake(), Options{System: test.access})
		if got := s.roleOf(test.who); got != test.want {
			t.Errorf("%s is %s, want %s", test.name, got, test.want)
		}
	}
}

func TestThePlaceOfAServiceIsKnown(t *testing.T) {
	for text, want := range map[string]bool{
		"0::/system.slice/sysg-services.service/p-shop/s-api/run-0123\n":                   true,
		"0::/system.slice/sysg-services.service/p-shop/s-api/aux-0123-health\n":            true,
		"12:pids:/user.slice\n1:name=systemd:/x\n0::/sysg-0-ab/p-shop/s-api/run-0123/deep": true,
		"0::/system.slice/sysg-services.service/holder\n":                                  false,
		"0::/user.slice/user-0.slice/session-1.scope\n":                                    false,
		"0::/p-shop/run-1\n": false,
		"":                   false,
	} {
		if got := inService(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestAPolicyGrantsWhatARoleDoesNot(t *testing.T) {
	var asked []string
	access := &Access{Policy: func(_ context.Context, by api.Caller, action string) bool {
		asked = append(asked, fmt.Sprint(by.UID, " ", action))
		return action == "org.systemg.operate"
	}}
	s := newServer(newFake(), Options{System: access})
	try := func(who person, method string) bool {
		c := &call{ctx: t.Context(), server: s, who: who, caller: who.Caller, role: s.roleOf(who), parameters: []byte(`{}`)}
		_, err := c.dispatch(method)
		var r *refusal
		return !errors.As(err, &r) || r.name != api.ErrorDenied
	}
	someone := person{Caller: api.Caller{UID: 7}}
	if !try(someone, api.MethodRestart) {
		t.Error("what the policy grants is denied")
	}
	if try(someone, api.MethodShutdown) {
		t.Error("what the policy does not grant is allowed")
	}
	if try(person{service: true}, api.MethodRestart) {
		t.Error("a service gets more than it may see")
	}
	if got := strings.Join(asked, ", "); got != "7 org.systemg.operate, 7 org.systemg.administer" {
		t.Errorf("asked: %s", got)
	}
}

func TestAViewerSeesNoOutputAsEvidence(t *testing.T) {
	s := newServer(newFake(), Options{System: &Access{}})
	for r, want := range map[role]int{viewer: 0, operator: 1, admin: 1} {
		c := &call{ctx: t.Context(), server: s, role: r, parameters: []byte(`{"project":"shop","service":"api"}`)}
		answer, err := c.dispatch(api.MethodWhy)
		reply, ok := answer.(api.Reply)
		if err != nil || !ok || len(reply.Links) != 1 || len(reply.Links[0].Evidence) != want {
			t.Errorf("%s: %+v, %v", r, answer, err)
		}
	}
}

func TestNobodyTakesAllThePlaces(t *testing.T) {
	p := places{total: 8, shared: true, taken: map[int]int{}}
	count := func(uid int) (got int) {
		for p.take(uid) {
			got++
		}
		return got
	}
	if a, b, c, d, e, root := count(1), count(2), count(3), count(4), count(5), count(0); a != 2 || b != 2 || c != 2 || d != 2 || e != 0 || root != 8 {
		t.Errorf("places taken: %d %d %d %d %d, root %d", a, b, c, d, e, root)
	}
	p.leave(3)
	if !p.take(5) {
		t.Error("a place that is free is not given")
	}
}

// asks is what a process of somebody's is told for a call of its own.
const asks = "SERVER_TEST_ASK"

// TestTheKernelSaysWhoAsks connects as several people, from processes of theirs.
func TestTheKernelSaysWhoAsks(t *testing.T) {
	if path := os.Getenv(asks); path != "" {
		p := dial(t, path)
		p.say(`{"method":"org.systemg.Control.Stop","parameters":{"project":"shop"}}` + "\x00")
		_, _ = os.Stdout.WriteString("heard " + p.hear() + "\n")
		return
	}
	if os.Getuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("only root can be several people, and CI must run this")
		}
		t.Skip("only root can be several people")
	}
	path, program := serveToAll(t)
	leaf, leafFD := serviceLeaf(t)
	const denied, done = `"needs":"operator"`, `"stopped"`
	for _, test := range []struct {
		name string
		as   syscall.SysProcAttr
		want string
	}{
		{"somebody", as(64991, 64991), denied},
		{"somebody of the group", as(64991, 64991, 1, 2, people), done},
		{"somebody whose first group it is", as(64991, people), done},
		{"somebody of many groups", as(64991, 64991, append(hundred(), people)...), done},
		{"root", syscall.SysProcAttr{}, done},
		{"root in a service's cgroup", syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: leafFD}, denied},
	} {
		if leaf == "" && test.as.UseCgroupFD {
			t.Log("there is no cgroup v2 here") // Then services have none either.
			continue
		}
		command := exec.Command(program, "-test.run=^TestTheKernelSaysWhoAsks$")
		command.Env, command.Dir, command.SysProcAttr = []string{asks + "=" + path}, "/", &test.as
		out, err := command.CombinedOutput()
		if err != nil || !strings.Contains(string(out), test.want) {
			t.Errorf("%s: %v: %s", test.name, err, out)
		}
	}
}

func as(uid, gid uint32, groups ...uint32) syscall.SysProcAttr {
	return syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid, Groups: groups}}
}

func hundred() (groups []uint32) {
	for i := range uint32(100) {
		groups = append(groups, 70000+i)
	}
	return groups
}

// serveToAll serves where everybody can reach it, and has the test's program
// where everybody can run it.
func serveToAll(t *testing.T) (path, program string) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "sysg-server")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path, program = filepath.Join(dir, "control.sock"), filepath.Join(dir, "test")
	binary, err := os.ReadFile("/proc/self/exe")
	listener, listenErr := net.Listen("unix", path)
	err = errors.Join(err, listenErr, os.Chmod(dir, 0o755), os.WriteFile(program, binary, 0o755), os.Chmod(path, 0o666))
	if err != nil {
		t.Fatal(err)
	}
	f, group := newFake(), uint32(people)
	close(f.release)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, listener, f, Options{System: &Access{Operators: &group}}) }()
	t.Cleanup(func() { cancel(); <-done })
	return path, program
}

// serviceLeaf makes a cgroup such as services have, "" where there is no v2.
func serviceLeaf(t *testing.T) (path string, fd int) {
	t.Helper()
	mount, err := cgroup.FindMount()
	if err != nil {
		return "", -1
	}
	top := filepath.Join(mount.Point, fmt.Sprintf("sysg-server-test-%d", os.Getpid()))
	path = filepath.Join(top, "p-shop", "s-api", "run-0")
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for folder := path; folder != mount.Point; folder = filepath.Dir(folder) {
			_ = os.Remove(folder)
		}
	})
	folder, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = folder.Close() })
	return path, int(folder.Fd())
}
