package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
	"systemg.org/sysg/pkg/generation"
	"systemg.org/sysg/pkg/paths"
)

// app is one run of sysg.
type app struct {
	env      func(string) string
	out      *output
	logLevel string
	// system: it is the system's instance that is meant.
	system bool
	// operating: it is not root who works with the system's instance.
	operating bool
	// drop: services of the system's instance that name no user run as nobody.
	drop bool
	// hurried: the supervisor is to be ended, and asked for no longer than brief.
	hurried bool
	// rootsOwn: root works with an instance of its own, and has not said so.
	rootsOwn bool
	// settings are those of sysgd.conf; read on first use.
	settings *settings
	// recorded has the environment of an earlier start, where that counts.
	recorded *generation.Launch
	// supervisor is who answered last.
	supervisor api.Identity
	// instance is where the daemons are; found on first use.
	instance *instance
}

func newApp() *app {
	return &app{env: os.Getenv, out: newOutput(os.Stdout, os.Stderr)}
}

// home finds the instance of this user, or the system's.
func (a *app) home() (*instance, error) {
	if a.instance == nil && a.system {
		a.instance = &instance{
			system: true, state: paths.SystemState, runtimes: []string{paths.SystemRuntime}, env: a.env, logLevel: a.logLevel,
		}
	}
	if a.instance == nil {
		found, err := locate(a.env, os.Getuid())
		if errors.Is(err, paths.ErrNoHome) {
			return nil, &api.Diagnostic{
				Code: api.CodeInternal, Title: "cannot tell where your files are: neither XDG_DATA_HOME nor HOME is an absolute path",
				Help: []api.Help{{Label: "say where", Command: "export HOME=DIR"}},
			}
		}
		if err != nil {
			return nil, err
		}
		if err := fits(sysgd.socketIn(found.runtimes[0])); err != nil {
			return nil, err
		}
		if err := yours(found.state); err != nil {
			return nil, err
		}
		found.logLevel = a.logLevel
		a.instance = found
	}
	return a.instance, nil
}

// reach connects to a supervisor that runs.
func (a *app) reach() (*client.Conn, error) {
	home, err := a.home()
	if err != nil {
		return nil, err
	}
	return a.acquainted(home.reach)
}

// acquainted connects, and asks who answers. One that dies just then is brought
// back by the next attempt, as one that had died before: to say that there is
// none would be wrong.
func (a *app) acquainted(connect func() (*client.Conn, error)) (*client.Conn, error) {
	for again := true; ; again = false {
		conn, err := connect()
		if err != nil {
			return nil, err
		}
		conn.AnswerWithin = a.answerWithin()
		if a.hurried {
			conn.AnswerWithin = min(brief, conn.AnswerWithin)
		}
		err = a.recognise(conn)
		conn.AnswerWithin = a.answerWithin()
		if err == nil {
			return conn, nil
		}
		_ = conn.Close()
		if !again || !errors.Is(err, client.ErrWentAway) {
			return nil, err
		}
	}
}

// answerWithin is how long the supervisor may take for an answer:
// SYSG_ANSWER_WITHIN, for machines that are slower, and people who are less
// patient, than we think.
func (a *app) answerWithin() time.Duration {
	if within, err := time.ParseDuration(a.env("SYSG_ANSWER_WITHIN")); err == nil && within > 0 {
		return within
	}
	return client.AnswerWithin
}

// brief is how long a supervisor has to answer that is to be ended anyway:
// judging it too early does no harm then.
const brief = 3 * time.Second

// raise is reach, and starts what does not run.
func (a *app) raise(context.Context) (*client.Conn, error) {
	home, err := a.home()
	if err != nil {
		return nil, err
	}
	a.warnOfRoot(home.state)
	return a.acquainted(home.raise)
}

// recognise looks at who answers. The sockets may be those of an instance with
// other folders than the environment says: XDG_DATA_HOME is another one, and
// XDG_RUNTIME_DIR is not.
func (a *app) recognise(conn *client.Conn) error {
	identity, err := conn.Identify(context.Background())
	if isCode(err, api.CodeInternal) {
		return nil // it is older than the question
	}
	if err != nil {
		return err
	}
	if identity.State != "" && identity.State != a.instance.state {
		a.warn(fmt.Sprintf("the supervisor at %s has its state in %s, not in %s as the environment says", a.instance.runtime, identity.State, a.instance.state))
		a.instance.state = identity.State
	}
	a.supervisor = identity
	return nil
}

// yours refuses a folder of state that is somebody else's: after su or sudo -E
// the environment still names the other user's.
func yours(state string) error {
	info, err := os.Stat(state)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	whose := "cannot be looked at"
	if err == nil {
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok || int(stat.Uid) == os.Geteuid() {
			return nil
		}
		whose = fmt.Sprintf("belongs to uid %d", stat.Uid)
	}
	return &api.Diagnostic{
		Code: api.CodeInternal, Title: fmt.Sprintf("the folder of state %s %s, and you are uid %d", state, whose, os.Geteuid()),
		Notes: []string{"XDG_DATA_HOME, or else HOME, says where it is; after su or sudo they may still be another user's"},
		Help:  append([]api.Help{{Label: "use your own", Command: "unset XDG_DATA_HOME XDG_RUNTIME_DIR"}}, elsewhere()...),
	}
}
