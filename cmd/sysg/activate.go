package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"github.com/spf13/pflag"
)

// activateVerb becomes another program, with its pid in LISTEN_PID: a daemon
// takes a listener only if that is its own, and nobody knows the pid of a
// process before there is one. See sd_listen_fds(3).
var activateVerb = verb{
	name: "activate", internal: true, words: 1,
	setup: func(*pflag.FlagSet) action {
		return func(_ context.Context, _ *app, words []string) error {
			if len(words) == 0 {
				return &usage{problem: "activate needs a program"}
			}
			env := append(os.Environ(), "LISTEN_PID="+strconv.Itoa(os.Getpid()))
			err := syscall.Exec(words[0], words, env)
			return fmt.Errorf("cannot start %s: %w", words[0], os.NewSyscallError("execve", err))
		}
	},
}
