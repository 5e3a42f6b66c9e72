//go:build race

package main

import "os"

// raced: this binary has the race detector in it, which needs more address
// space than a limit may leave.
const raced = true

// Else each holder takes a second to exit, which is most of what these tests take.
func init() { holderEnv = []string{"GORACE=" + os.Getenv("GORACE")} }
