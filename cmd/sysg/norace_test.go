//go:build !race

package main

// slow is 1 without the race detector.
const slow = 1
