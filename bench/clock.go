package main

import (
	"embed"

	"golang.org/x/sys/unix"
)

// sources are the C programs.
//
//go:embed c
var sources embed.FS

// now is the monotonic clock in nanoseconds, the one that stamp.c reads.
func now() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic("bug: no monotonic clock: " + err.Error())
	}
	return t.Nano()
}

func millis(ns int64) float64 { return float64(ns) / 1e6 }
