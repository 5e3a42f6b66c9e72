// Command sysg-exec is the only parent of services. It installs generations,
// launches what they declare, signals, kills and reaps it, and owns cgroups and
// log pipes. It decides nothing that sysgd could decide: it is small and lives
// long, so that sysgd may change and restart without a service noticing.
//
//	sysg-exec serve    answers on the socket that it gets by LISTEN_FDS
//	sysg-exec hold     keeps the cgroup of sysg-services.service alive, and what
//	                   must outlive us
//	sysg-exec launch   a staged process on its way to its program; not for people
//	sysg-exec init     process 1 of a service's own process namespace; not for
//	                   people
//	sysg-exec nofile   prints a limit that nobody else can tell (pkg/confine)
//
// Inside serve (loop.go), one loop on the main thread owns all state and never
// forks; a locked launcher thread (launcher.go) forks for it.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"systemg.org/sysg/pkg/confine"
)

const usage = `usage: sysg-exec serve [--state DIR] [--services-unit NAME]
                       [--containment auto|cgroup|session] [--launch-timeout DURATION]
                       [--system [--daemon-uid UID]]
       sysg-exec hold [--custody PATH] [--system]`

// A staged process acts on itself as its main thread, and the loop stays where
// people look for it.
func init() { runtime.LockOSThread() }

func main() {
	err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "sysg-exec: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("no command given\n" + usage)
	}
	switch args[0] {
	case "serve":
		options, err := parseOptions(args[1:])
		if err != nil {
			return err
		}
		return serve(options)
	case "hold":
		return hold(args[1:])
	case "launch":
		confine.Become()
		os.Exit(1) // It has said why, to whom it concerns.
		return nil
	case "init":
		code, err := beInit(args[1:])
		if err == nil {
			os.Exit(code)
		}
		return err
	case "nofile":
		return confine.PrintNofile()
	case "--help", "-h", "help":
		fmt.Println(usage)
		return nil
	default:
		return fmt.Errorf("unknown command %q\n%s", args[0], usage)
	}
}
