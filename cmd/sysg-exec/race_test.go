//go:build race

package main

// raced: this binary has the race detector in it, which needs more address
// space than a limit may leave.
const raced = true
