//go:build e2e

package test

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// The mode `system`, from outside: containers with real systemd, booted once, in
// which this same test binary runs one script after the other (system_test.go).

// suites are the Debians of the containers.
var suites = []string{older, newer}

// perSuite is how many containers there are of each.
const perSuite = 2

// pool has the containers that are free.
type pool map[string]chan *machine

// machine is a booted container.
type machine struct {
	suite  string
	leader string // the pid of its systemd
}

// newPool boots the containers, all at once.
func newPool(t *testing.T) pool {
	t.Helper()
	p := pool{}
	var all sync.WaitGroup
	for _, suite := range suites {
		p[suite] = make(chan *machine, perSuite)
		tree := debianOf(t, suite, packages...)
		for range perSuite {
			command, ready := machineOf(t, tree)
			all.Go(func() {
				m, err := start(command, ready)
				if err != nil {
					t.Errorf("cannot boot %s: %v", suite, err)
					m = &machine{}
				}
				m.suite = suite
				p[suite] <- m
			})
		}
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return p
}

// machineOf is the command that boots one, and where it says when it is up.
func machineOf(t *testing.T, tree string) (*exec.Cmd, *net.UnixConn) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "notify")
	ready, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ready.Close() })
	options := []string{
		"--volatile=overlay", "--console=pipe", "--notify-ready=yes",
		"--system-call-filter=pidfd_getfd", // which sysg-exec fetches sockets back with
		"--bind-ro=" + absolute(t, ".") + ":" + insideTest,
		"--bind-ro=" + absolute(t, "../examples") + ":" + insideExamples,
		"--bind-ro=" + absolute(t, "../README.md") + ":" + filepath.Dir(insideExamples) + "/README.md",
	}
	for _, program := range []string{"stranger", "shop", "old"} {
		options = append(options, "--bind-ro="+filepath.Join(programs, program)+":"+filepath.Join(insidePrograms, program))
	}
	command := nspawn(context.Background(), t, tree, append(options, "--boot", "systemd.show_status=no")...)
	command.Env = append(command.Env, "NOTIFY_SOCKET="+socket)
	t.Cleanup(func() {
		if command.Process != nil {
			_ = command.Process.Kill()
			_ = command.Wait()
		}
	})
	return command, ready
}

// leaderPID is what systemd-nspawn tells whoever started it, besides readiness.
var leaderPID = regexp.MustCompile(`(?m)^X_NSPAWN_LEADER_PID=(\d+)$`)

// start boots a container and waits until its systemd says that it is up.
func start(command *exec.Cmd, ready *net.UnixConn) (*machine, error) {
	var console bytes.Buffer
	command.Stdout, command.Stderr = &console, &console
	if err := command.Start(); err != nil {
		return nil, err
	}
	if err := ready.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	m := &machine{}
	for message := make([]byte, 4096); ; {
		n, err := ready.Read(message)
		if err != nil {
			return nil, fmt.Errorf("%w; its console:\n%s", err, tail(console.Bytes(), 30))
		}
		if found := leaderPID.FindSubmatch(message[:n]); found != nil {
			m.leader = string(found[1])
		}
		if bytes.Contains(message[:n], []byte("READY=1")) && m.leader != "" {
			return m, nil
		}
	}
}

// run runs a script in a container that is free.
func (p pool) run(t *testing.T, script string) {
	t.Helper()
	name := strings.TrimSuffix(filepath.Base(script), ".txt")
	sum := fnv.New32()
	fmt.Fprint(sum, name)
	free := p[suites[sum.Sum32()%uint32(len(suites))]]
	m := <-free
	defer func() { free <- m }()
	m.run(t, "TestScripts/system/"+name, 2*scriptPatience)
}

// newMachine boots a single one.
func newMachine(t *testing.T, suite string) *machine {
	t.Helper()
	m, err := start(machineOf(t, debianOf(t, suite, packages...)))
	if err != nil {
		t.Fatalf("cannot boot %s: %v", suite, err)
	}
	m.suite = suite
	return m
}

// run runs a test of this binary in it, as a unit of its systemd: what the test
// starts is in that unit's cgroup, and ends with it.
func (m *machine) run(t *testing.T, test string, limit time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit+10*time.Second)
	defer cancel()
	args := []string{
		"--all", "--target", m.leader,
		"systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--working-directory=" + insideTest,
		"--property=RuntimeMaxSec=" + limit.String(), "--setenv=SYSG_TEST_HELPER=inside",
	}
	for _, name := range []string{"CI", "TORTURE", "RANDOM_SEED"} {
		args = append(args, "--setenv="+name+"="+os.Getenv(name))
	}
	pattern := "^" + strings.ReplaceAll(test, "/", "$/^") + "$"
	args = append(args, filepath.Join(insidePrograms, "stranger"), "-test.run="+pattern, "-test.v", "-test.timeout="+limit.String())
	output, err := exec.CommandContext(ctx, "nsenter", args...).CombinedOutput()
	if err != nil || !bytes.Contains(output, []byte("--- PASS: "+test)) {
		t.Errorf("on %s: %v\n%s", m.suite, err, output)
	} else {
		t.Logf("on %s:\n%s", m.suite, output)
	}
}
