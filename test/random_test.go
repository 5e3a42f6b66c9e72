//go:build e2e

package test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestRandom throws commands, crashes and kills of both daemons at a stack, at
// random and at once, and judges what must hold under all of it:
//
//   - two incarnations of a service never live at once: each holds a lock that
//     its children inherit, and says so where it cannot have it;
//   - every command answers within patience, and none panics;
//   - what status calls running has a process;
//   - after a stop nothing of the project is alive;
//   - a restart leaves what is unchanged alone;
//   - a start brings everything up again, whatever was before;
//   - in the end nothing is left.
//
// It takes a minute for all modes; with TORTURE=1 an hour, or with
// TORTURE=5m as long for each mode. RANDOM_SEED
// repeats the commands of a run, though not what the machine made of them.
func TestRandom(t *testing.T) {
	last := 20 * time.Second
	if text := os.Getenv("TORTURE"); text != "" {
		last = 20 * time.Minute
		if chosen, err := time.ParseDuration(text); err == nil {
			last = chosen
		}
	}
	for _, m := range modes {
		t.Run(string(m), func(t *testing.T) {
			if m == asUser && os.Geteuid() != 0 {
				t.Skip("not root: the other modes run as an unprivileged user anyway")
			}
			c := newChaos(t, m)
			for deadline := time.Now().Add(last); time.Now().Before(deadline) && !t.Failed(); {
				c.round()
			}
			c.finish()
		})
	}
}

// chaos is one instance under fire.
type chaos struct {
	*testing.T
	*instance
	random *rand.Rand
	mu     sync.Mutex // of random and edits
	edits  map[string]int
	// commands counts all, killed the daemons that were killed.
	commands, killed atomic.Int64
	slowest          atomic.Int64
}

// services are what the stack consists of; see manifest.
var services = []string{"db", "api", "web", "cache", "seed", "flappy"}

func newChaos(t *testing.T, m mode) *chaos {
	home, err := os.MkdirTemp("/tmp", "sy")
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("RANDOM_SEED"); text != "" {
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("RANDOM_SEED=%d, in %s", seed, home)
	i := &instance{mode: m, home: home, work: filepath.Join(home, "work"), bin: filepath.Join(home, "bin")}
	for _, folder := range []string{"bin", "data", "run", "work"} {
		err = errors.Join(err, os.Mkdir(filepath.Join(home, folder), 0o700))
	}
	i.vars = []string{
		"HOME=" + home, "XDG_DATA_HOME=" + filepath.Join(home, "data"), "XDG_RUNTIME_DIR=" + filepath.Join(home, "run"),
		"PATH=" + i.bin + ":/usr/sbin:/usr/bin:/sbin:/bin", "NO_COLOR=1",
	}
	err = errors.Join(err, i.linkPrograms())
	if m == inSession {
		err = errors.Join(err, i.withoutCgroups())
	}
	c := &chaos{T: t, instance: i, random: rand.New(rand.NewPCG(seed, 0)), edits: map[string]int{}}
	err = errors.Join(err, c.write())
	if m == asUser {
		err = errors.Join(err, giveAway(userID, home))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			text, _ := os.ReadFile(filepath.Join(i.state(), "logs", "supervisor.log"))
			t.Logf("supervisor.log ends with:\n%s", text[max(0, len(text)-6000):])
		}
		for _, pid := range i.processes() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if !t.Failed() {
			_ = os.RemoveAll(home)
		}
	})
	return c
}

// begins is how each service begins: with the lock that only one may have.
const begins = `exec 9>>lock.%[1]s; flock -n 9 || echo "%[1]s $$ meets $(cat pid.%[1]s)" >> twice; echo $$ > pid.%[1]s; `

// write makes the manifest as the edits are.
func (c *chaos) write() error {
	var text strings.Builder
	fmt.Fprint(&text, "version: \"3\"\nproject: chaos\nservices:\n")
	add := func(name, command, rest string) {
		fmt.Fprintf(&text, "  %s:\n    command: |\n      %s\n    env: {EDIT: \"%d\"}\n%s", name, fmt.Sprintf(begins, name)+command, c.edits[name], rest)
	}
	const sleeps = "sleep 86400 & wait"
	const stubborn = "    restart_policy: always\n    backoff: 20ms\n    max_backoff: 100ms\n    max_restarts: 100000\n"
	add("db", sleeps, stubborn)
	add("seed", "sleep 0.02", "    depends_on: [db]\n")
	add("api", sleeps, stubborn+"    depends_on: [{service: seed, condition: completed}, db]\n"+
		"    deployment: {health_check: {command: test -s pid.api, interval: 50ms, attempt_timeout: 10s, total_timeout: 25s}}\n")
	add("web", sleeps, stubborn+"    depends_on: [{service: api, condition: healthy}]\n")
	// It is deaf, and leaves something behind in a session of its own.
	add("cache", "trap '' TERM; setsid sleep 86400 & while true; do sleep 0.1; done", stubborn+"    stop: {timeout: 200ms}\n")
	add("flappy", "sleep 0.3; exit 3", stubborn)
	path := filepath.Join(c.work, "systemg.yaml")
	if err := os.WriteFile(path+".new", []byte(text.String()), 0o644); err != nil {
		return err
	}
	if c.mode == asUser {
		if err := os.Chown(path+".new", userID, userID); err != nil {
			return err
		}
	}
	return os.Rename(path+".new", path)
}

func (c *chaos) number(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.random.IntN(n)
}

func (c *chaos) edit(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.edits[name]++
	if err := c.write(); err != nil {
		c.Error(err)
	}
}

// run runs a command, which has to answer, and returns what it said.
func (c *chaos) run(args ...string) (string, error) {
	c.commands.Add(1)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	began := time.Now()
	command := exec.CommandContext(ctx, filepath.Join(c.bin, "sysg"), args...)
	command.Dir, command.Env = c.work, c.vars
	var said, problems strings.Builder
	command.Stdout, command.Stderr = &said, &problems
	err := command.Run()
	took := time.Since(began)
	c.slowest.Store(max(c.slowest.Load(), int64(took)))
	if ctx.Err() != nil {
		status, _ := c.sysg("status", "--format", "json")
		c.Errorf("sysg %s did not answer within %s; it said %s %s, and now status is\n%s", strings.Join(args, " "), patience, &said, &problems, status)
	}
	if strings.Contains(problems.String(), "panic") || strings.Contains(problems.String(), "goroutine ") {
		c.Errorf("sysg %s: %s", strings.Join(args, " "), &problems)
	}
	if err != nil {
		err = fmt.Errorf("sysg %s: %w: %s%s", strings.Join(args, " "), err, &said, &problems)
	}
	return said.String(), err
}

// round is a burst of chaos, and then one thing that must hold.
func (c *chaos) round() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(500+c.number(2000))*time.Millisecond)
	defer cancel()
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for ctx.Err() == nil && !c.Failed() {
				c.act()
			}
		})
	}
	all.Go(func() {
		for ctx.Err() == nil && !c.Failed() {
			c.statusIsTrue()
		}
	})
	all.Wait()
	if c.Failed() {
		return
	}
	switch c.number(3) {
	case 0:
		c.stopLeavesNothing()
	case 1:
		c.restartLeavesTheRest()
	default:
		c.everythingComesUp()
	}
	c.nobodyMetAnother()
}

// act does one thing at random. Whether it succeeds depends on what the others
// do at the same time.
func (c *chaos) act() {
	one := services[c.number(len(services))]
	switch c.number(20) {
	case 0, 1:
		_, _ = c.run("start", "--daemonize")
	case 2, 3:
		_, _ = c.run("start", "--daemonize", "-s", one)
	case 4:
		_, _ = c.run("start", "--daemonize", "--no-wait")
	case 5, 6:
		_, _ = c.run("stop", "-s", one)
	case 7:
		_, _ = c.run("stop", "-p", "chaos")
	case 8:
		_, _ = c.run("restart", "-s", one)
	case 9, 10:
		c.edit(one)
		_, _ = c.run("restart")
	case 11, 12, 13:
		text, _ := os.ReadFile(filepath.Join(c.work, "pid."+one))
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && slices.Contains(c.processes(), pid) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	case 14, 15, 16:
		c.shoot("sysgd")
	default:
		c.shoot("sysg-exec")
		if c.number(3) == 0 {
			c.shoot("sysgd")
		}
	}
}

// shoot kills a daemon, at any moment of what it is doing.
func (c *chaos) shoot(name string) {
	if pid := c.daemon(name); pid > 0 {
		c.killed.Add(1)
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// unit is what the test reads of a status.
type unit struct {
	Name    string `json:"name"`
	State   string `json:"state"`
	Phase   string `json:"phase"`
	Cgroup  string `json:"cgroup"`
	Process *struct {
		PID int `json:"pid"`
	} `json:"process"`
}

func (c *chaos) status() map[string]unit {
	said, err := c.run("status", "--format", "json")
	var snapshot struct {
		Units []unit `json:"units"`
	}
	if json.Unmarshal([]byte(said), &snapshot) != nil {
		_ = err // It had no answer, perhaps for want of a supervisor.
		return nil
	}
	units := map[string]unit{}
	for _, u := range snapshot.Units {
		units[u.Name] = u
		if home, _, found := strings.Cut(u.Cgroup, "/p-"); found {
			c.mu.Lock()
			c.cgroup = home
			c.mu.Unlock()
		}
	}
	return units
}

// statusIsTrue: a process that was dead before the question is not running.
func (c *chaos) statusIsTrue() {
	dead := map[int]bool{}
	for name, u := range c.status() {
		if u.State == "running" && u.Process == nil {
			c.Errorf("%s is called running, without a process", name)
		}
		if u.Process != nil && !isAlive(u.Process.PID) {
			dead[u.Process.PID] = true
		}
	}
	if len(dead) == 0 {
		return
	}
	for name, u := range c.status() {
		if u.State == "running" && dead[u.Process.PID] && !isAlive(u.Process.PID) {
			c.Errorf("%s is called running, but %d was dead before", name, u.Process.PID)
		}
	}
}

func (c *chaos) nobodyMetAnother() {
	if text, err := os.ReadFile(filepath.Join(c.work, "twice")); err == nil {
		c.Errorf("two incarnations lived at once:\n%s", text)
	}
}

// revive makes both daemons run, with whatever was wanted.
func (c *chaos) revive() {
	if _, err := c.run("start", "--daemonize", "--no-wait"); err != nil {
		c.Error(err)
	}
}

func (c *chaos) everythingComesUp() {
	c.revive()
	// flappy fails all the time, so that the answer may tell of that.
	_, _ = c.run("start", "--daemonize")
	for _, name := range services {
		c.await(name+" comes up", func(units map[string]unit) bool {
			phase := units[name].Phase
			return name == "flappy" && phase != "" || phase == "ready" || name == "seed" && phase == "done"
		})
	}
}

// await waits for a status in which check holds.
func (c *chaos) await(what string, check func(map[string]unit) bool) {
	var units map[string]unit
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if units = c.status(); check(units) {
			return
		}
	}
	c.Fatalf("it did not come true that %s: %+v", what, units)
}

// stopLeavesNothing needs no start before, whichever daemons are dead.
func (c *chaos) stopLeavesNothing() {
	if _, err := c.run("stop", "-p", "chaos"); err != nil {
		c.Error(err)
	}
	var left []int
	for _, pid := range c.processes() {
		if environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)); strings.Contains(string(environ), "SYSG_INVOCATION_ID=") && isAlive(pid) {
			left = append(left, pid)
		}
	}
	if len(left) > 0 {
		c.Errorf("after a stop these are alive:\n%s", describe(left))
	}
	for _, mount := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		events, err := os.ReadFile(filepath.Join(mount, c.cgroup, "p-chaos", "cgroup.events"))
		if c.cgroup != "" && err == nil && strings.Contains(string(events), "populated 1") {
			c.Errorf("after a stop something is in %s", c.cgroup)
		}
	}
}

// restartLeavesTheRest edits one service; those that do not depend on it keep
// their processes.
func (c *chaos) restartLeavesTheRest() {
	c.everythingComesUp()
	before := c.status()
	edited := []string{"cache", "web", "api"}[c.number(3)]
	untouched := map[string][]string{"cache": {"db", "api", "web"}, "web": {"db", "api", "cache"}, "api": {"db", "cache"}}[edited]
	c.edit(edited)
	// flappy may be down at the moment, which the answer tells.
	_, _ = c.run("restart")
	c.await(edited+" is another one", func(units map[string]unit) bool {
		u := units[edited]
		return u.Phase == "ready" && u.Process != nil && before[edited].Process != nil && u.Process.PID != before[edited].Process.PID
	})
	after := c.status()
	for _, name := range untouched {
		if after[name].Process == nil || before[name].Process == nil || after[name].Process.PID != before[name].Process.PID {
			c.Errorf("%s was edited, and %s is another one: %+v, %+v", edited, name, before[name], after[name])
		}
	}
}

// finish brings everything up once more, and leaves nothing.
func (c *chaos) finish() {
	if !c.Failed() {
		c.everythingComesUp()
	}
	if err := c.end(); err != nil {
		c.Error(err)
	}
	c.nobodyMetAnother()
	c.Logf("%d commands, the slowest in %s; %d daemons killed", c.commands.Load(), time.Duration(c.slowest.Load()).Round(time.Millisecond), c.killed.Load())
}
