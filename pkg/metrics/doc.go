// Package metrics says what services use: processor time, memory, what they
// read and write.
//
// Kernel is one look at a service, at this moment. Where its cgroup tells
// (memory.current, cpu.stat) that is the whole service; elsewhere it is the main
// process with the children that it has waited for.
//
// Meter keeps what was seen. It does not look by itself: who owns the services
// calls Take when it is time for some of them, so that where nothing is to be
// measured nothing ticks. Take reads in the background and never blocks.
//
// A service's samples are kept in three tiers, each coarser and longer than the
// one before:
//
//	120 as they were taken · 60 of a minute each · 96 of a quarter of an hour each
//
// What is older than the retention is forgotten, and the oldest of all where
// together they would take more memory than allowed. With a spillover folder
// every sample goes to disk as well, as it is taken: JSON lines in segments, of
// which the oldest is removed when they are too many bytes.
package metrics
