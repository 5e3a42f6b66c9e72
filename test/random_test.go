//go:build e2e

package test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
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
//   - in the end nothing is left;
//   - whenever the fire ceases, sysg doctor finds nothing.
//
// It takes a minute and a half for all modes, `system` in a container; with TORTURE=1 it goes on for 10,000
// operations in each mode, or with TORTURE=500 for as many. RANDOM_SEED repeats
// the commands of a run, though not what the machine made of them.
func TestRandom(t *testing.T) {
	operations, last := int64(0), 20*time.Second
	if text := os.Getenv("TORTURE"); text != "" {
		operations, last = 10_000, 3*time.Hour
		if chosen, err := strconv.ParseInt(text, 10, 64); err == nil && chosen > 1 {
			operations = chosen
		}
	}
	for _, m := range modes {
		t.Run(string(m), func(t *testing.T) {
			if m == asUser && os.Geteuid() != 0 {
				t.Skip("not root: the other modes run as an unprivileged user anyway")
			}
			if m == asSystem && !inside {
				needsRoot(t)
				newMachine(t, newer).run(t, t.Name(), last+5*patience)
				return
			}
			c := newChaos(t, m)
			deadline := time.Now().Add(last)
			enough := func() bool { return operations > 0 && c.commands.Load()+c.killed.Load() >= operations }
			for !enough() && time.Now().Before(deadline) && !t.Failed() {
				c.round()
			}
			if operations > 0 && !enough() && !t.Failed() {
				t.Errorf("only %d of %d operations in %s", c.commands.Load()+c.killed.Load(), operations, last)
			}
			c.finish()
		})
	}
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
	c.doctorFindsNothing()
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
	case 17:
		c.shootBoth()
	default:
		c.shoot("sysg-exec")
	}
}

// shootBoth kills both daemons so that neither is there when the other dies.
func (c *chaos) shootBoth() {
	pids := []int{c.daemon("sysgd"), c.daemon("sysg-exec")}
	for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL} {
		for _, pid := range pids {
			if pid > 0 {
				_ = syscall.Kill(pid, signal)
			}
		}
	}
	c.killed.Add(2)
}

// shoot kills a daemon, at any moment of what it is doing.
func (c *chaos) shoot(name string) {
	if pid := c.daemon(name); pid > 0 {
		c.killed.Add(1)
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
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

// doctorFindsNothing asks for everything that sysg can tell to be wrong.
func (c *chaos) doctorFindsNothing() {
	c.revive()
	said, err := c.run("doctor", "--strict", "--format", "json")
	var report struct {
		Findings []json.RawMessage `json:"findings"`
	}
	if broken := json.Unmarshal([]byte(said), &report); broken != nil {
		c.Errorf("doctor has no report: %v, %v", broken, err)
		return
	}
	if err != nil || len(report.Findings) > 0 {
		c.Errorf("doctor found: %s %v", said, err)
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
