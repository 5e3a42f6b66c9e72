//go:build !race

package manifest

// slow is 1 without the race detector.
const slow = 1
