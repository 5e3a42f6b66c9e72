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
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

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
	home, err := os.MkdirTemp(scratch(m), "sy")
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
	if m == asSystem {
		err = errors.Join(err, i.prepareSystem())
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
			t.Logf("the daemons' log ends with:\n%s", i.logEnd())
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
