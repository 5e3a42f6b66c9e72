//go:build race

package main

import (
	"os"
	"syscall"
)

// raced: this binary has the race detector in it, which needs more address
// space than a limit may leave.
const raced = true

// A process under the race detector sleeps for a second as it exits, unless its
// environment says otherwise, and that of a holder is empty. There are so many of
// them that this would be most of what these tests take.
func init() {
	if len(os.Args) > 1 && os.Args[1] == "hold" && os.Getenv("GORACE") == "" {
		_ = syscall.Exec("/proc/self/exe", os.Args, []string{"GORACE=atexit_sleep_ms=0"})
	}
}
