package main

import (
	"errors"
	"os"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
	"systemg.org/sysg/pkg/paths"
)

// app is one run of sysg.
type app struct {
	env      func(string) string
	out      *output
	logLevel string
	// instance is where the daemons are; found on first use.
	instance *instance
}

func newApp() *app {
	return &app{env: os.Getenv, out: newOutput(os.Stdout, os.Stderr)}
}

// home finds the instance of this user.
func (a *app) home() (*instance, error) {
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
	return home.reach()
}
