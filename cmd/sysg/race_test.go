//go:build race

package main

// slow is how many times longer everything takes under the race detector.
const slow = 20
