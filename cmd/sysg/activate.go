package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"github.com/spf13/pflag"

	"systemg.org/sysg/pkg/sys"
)

// activateVerb becomes another program, with its pid in LISTEN_PID: a daemon
// takes a listener only if that is its own, and nobody knows the pid of a
// process before there is one. See sd_listen_fds(3).
var activateVerb = verb{
	name: "activate", internal: true, words: 1,
	setup: func(flags *pflag.FlagSet) action {
		lowly := flags.Bool("no-new-privileges", false, "set no_new_privs first")
		return func(_ context.Context, _ *app, words []string) error {
			if len(words) == 0 {
				return &usage{problem: "activate needs a program"}
			}
			if *lowly {
				// It belongs to the thread, which is the one that calls execve.
				runtime.LockOSThread()
				if err := sys.NoNewPrivileges(); err != nil {
					return err
				}
			}
			env := append(os.Environ(), "LISTEN_PID="+strconv.Itoa(os.Getpid()))
			err := syscall.Exec(words[0], words, env)
			return fmt.Errorf("cannot start %s: %w", words[0], os.NewSyscallError("execve", err))
		}
	},
}
