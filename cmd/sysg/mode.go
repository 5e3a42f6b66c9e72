package main

import (
	"errors"
	"fmt"
	"os"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/paths"
)

// enter decides whether a verb may go on in the mode that the flags ask for,
// and says what is worth knowing about it.
func (a *app) enter(v verb, g globals) error {
	a.warnOfEnvironment()
	a.system, a.drop = g.system, g.drop
	if v.offline || v.internal {
		return nil
	}
	root := os.Geteuid() == 0
	// A service that starts a child asks the helper that started it, whoever that is.
	child := v.program && a.env(spawnVariable) != ""
	if err := judgeMode(v, g, root, !child && exists(paths.SystemState)); err != nil {
		return err
	}
	if why := droppingNothing(v, g.system); g.drop && why != "" {
		a.warn(why)
	}
	a.operating = g.system && !root
	a.rootsOwn = root && !g.user && !g.system
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// judgeMode holds a command against who calls it and what there is.
func judgeMode(v verb, g globals, root, systemInstance bool) error {
	switch {
	case g.system && !root && v.installs && !v.operates:
		return needsRoot(v.name)
	case g.system:
		return nil
	case root && !g.user && systemInstance:
		return &api.Diagnostic{
			Code: api.CodeOtherMode, Title: "there is a system instance, and --sys is not given",
			Notes: []string{paths.SystemState + " has its state; without --sys root's own instance is meant"},
			Help: []api.Help{
				{Label: "the system's", Command: "sysg --sys " + v.name},
				{Label: "root's own", Command: "sysg --user " + v.name},
			},
		}
	}
	return nil
}

// needsRoot refuses what root alone may do. Operators start and stop what root
// has installed, which they have to name: manifests are root's.
func needsRoot(verb string) *api.Diagnostic {
	d := &api.Diagnostic{
		Code: api.CodeNeedsRoot, Title: fmt.Sprintf("sysg --sys %s needs root", verb),
		Help: []api.Help{{Label: "as root", Command: "sudo sysg --sys " + verb}, {Label: "your own instance", Command: "sysg " + verb}},
	}
	if verb == "start" || verb == "restart" {
		d.Title = fmt.Sprintf("sysg --sys %s of a manifest needs root", verb)
		d.Help = append(d.Help, api.Help{Label: "what root has installed", Command: "sysg --sys " + verb + " -p PROJECT"})
	}
	return d
}

// droppingNothing says why --drop-privileges does nothing here, "" where it does.
func droppingNothing(v verb, system bool) string {
	switch {
	case !v.installs && v.name != planVerb.name:
		return "--drop-privileges is only for start and restart"
	case !system:
		return "--drop-privileges has no effect without --sys: services of your own instance run as you"
	}
	return ""
}

// warnOfEnvironment names variables that do nothing any more.
func (a *app) warnOfEnvironment() {
	if a.env("SYSG_COMMAND_TIMEOUT") != "" {
		a.warn("SYSG_COMMAND_TIMEOUT has no effect any more; set timeouts.command_wait_secs in sysgd.conf")
	}
}

// warn says something on stderr that is no failure.
func (a *app) warn(text string) {
	if !a.out.quiet {
		fmt.Fprintf(a.out.stderr, "%s %s\n", paint(a.out.errColour, yellow, "warning:"), clean(text))
	}
}

// warnOfRoot is said once, when root's own instance comes into being.
func (a *app) warnOfRoot(state string) {
	if a.rootsOwn && !a.out.quiet && !exists(state) {
		a.out.diagnostic("warning", api.Diagnostic{
			Code: api.CodeRootWithoutSys, Title: "running as root without --sys",
			Notes: []string{"state and logs go to " + state},
			Help:  []api.Help{{Label: "say that it is meant", Command: "--user"}},
		})
	}
}

// telling gives the failures of a command that the older program did not have
// exit codes of their own.
func telling(err error) error {
	var own exit
	var coded *withCode
	if err == nil || errors.As(err, &own) || errors.As(err, &coded) {
		return err
	}
	codes := map[string]int{api.CodeNoSupervisor: nobodyThere, api.CodeUnknownUnit: noSuchUnit, api.CodeStillRunning: timedOut}
	var d *api.Diagnostic
	if errors.As(err, &d) && codes[d.Code] != 0 {
		return &withCode{err, codes[d.Code]}
	}
	return err
}
