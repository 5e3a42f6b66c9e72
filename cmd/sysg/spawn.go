package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/execclient"
	"systemg.org/sysg/pkg/spec"
)

// A process inside a service may start children of that service: sysg-exec
// launches them in the service's own confinement, and sysgd ends them when their
// time is over, or with the service.

// spawnSock is the socket that processes inside services ask at.
const spawnSock = "spawn.sock"

const spawnHelp = `Start a child of a running service. This is an older way to say
sysg start --child, and will go.`

// spawnVerb is the older way, which is not in help any more.
var spawnVerb = verb{
	name: "spawn", short: "start a child of a service", help: spawnHelp, internal: true, program: true,
	setup: func(flags *pflag.FlagSet) action {
		c := spawn{child: true}
		c.declare(flags)
		name := flags.String("name", "", "what to call it")
		return func(_ context.Context, a *app, words []string) error {
			a.warn("`sysg spawn` is deprecated: use `sysg start --child --name NAME -- COMMAND`")
			return c.run(a, *name, words)
		}
	},
}

// spawnVariable tells a service the path of the socket, see docs/manifest.md.
const spawnVariable = "SYSG_SPAWN_SOCKET"

// spawn is the child mode of start.
type spawn struct {
	child  bool
	parent int
	ttl    string
}

// declare adds the flags of the child mode.
func (c *spawn) declare(flags *pflag.FlagSet) {
	flags.BoolVar(&c.child, "child", c.child, "start the COMMAND as a child of a running service")
	flags.IntVar(&c.parent, "parent-pid", 0, "with --child: a process of that service; else the caller's parent")
	flags.StringVar(&c.ttl, "ttl", "", "with --child: how long it may live, in seconds or as 90s, 5m, 2h")
}

// meant says whether any flag of the child mode was given.
func (c *spawn) meant(flags *pflag.FlagSet) bool {
	return flags.Changed("child") || flags.Changed("parent-pid") || flags.Changed("ttl")
}

// run asks for the child and prints its pid.
func (c *spawn) run(a *app, name string, words []string) error {
	ask, err := c.ask(name, words)
	if err != nil {
		return err
	}
	// A service was told where its helper listens, which may be another one than
	// that of the user it runs as.
	runtimes := []string{filepath.Dir(a.env(spawnVariable))}
	if a.env(spawnVariable) == "" {
		home, err := a.home()
		if err != nil {
			return err
		}
		runtimes = home.runtimes
	}
	reply, err := c.send(runtimes, ask)
	if err != nil {
		return refusedChild(err)
	}
	if a.out.json {
		a.out.printJSON(reply)
		return nil
	}
	fmt.Fprintln(a.out.stdout, reply.PID)
	return nil
}

// ask is what is sent.
func (c *spawn) ask(name string, words []string) (spec.Spawn, error) {
	if len(words) == 0 {
		return spec.Spawn{}, &usage{"start", "--child needs a COMMAND"}
	}
	if name == "" {
		name = filepath.Base(words[0])
	}
	if !spec.ValidName(name) {
		return spec.Spawn{}, &usage{"start", fmt.Sprintf("%q is no name for a child: letters, digits, and _ . - inside; use --name", name)}
	}
	ttl, err := lifetime(c.ttl)
	if err != nil {
		return spec.Spawn{}, err
	}
	if c.parent < 0 {
		return spec.Spawn{}, &usage{"start", "--parent-pid is the number of a process"}
	}
	parent := c.parent
	if parent == 0 {
		parent = os.Getppid()
	}
	// A folder that is gone is none that a child could begin in.
	dir, _ := os.Getwd()
	return spec.Spawn{Name: name, Argv: words, TTL: ttl, Dir: dir, ParentPID: parent}, nil
}

// lifetime reads --ttl.
func lifetime(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return d, nil
	}
	return 0, &usage{"start", fmt.Sprintf("--ttl is a number of seconds, or a time such as 90s, not %q", text)}
}

// send asks at the first socket that answers.
func (c *spawn) send(runtimes []string, ask spec.Spawn) (spec.SpawnReply, error) {
	for _, dir := range runtimes {
		reply, err := execclient.Spawn(filepath.Join(dir, spawnSock), ask)
		if !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.ECONNREFUSED) {
			return reply, err
		}
	}
	return spec.SpawnReply{}, noSupervisor()
}

// refusedChild is a refusal as something with a code.
func refusedChild(err error) error {
	var refused *execclient.SpawnRefused
	if !errors.As(err, &refused) {
		return err
	}
	d := &api.Diagnostic{Code: api.CodeChildRefused, Title: "The child was not allowed", Notes: []string{refused.Detail}}
	switch {
	case refused.Limit != "":
		d.Title = "The child was not allowed: the limit of " + refused.Limit + " is reached"
	case strings.HasPrefix(refused.Detail, "cannot start it"):
		d.Code, d.Title = api.CodeChildFailed, "The child could not be started"
	}
	return d
}
