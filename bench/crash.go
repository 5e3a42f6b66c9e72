package main

import (
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

// crash kills a service again and again and measures until its replacement
// runs; the floor is a loop in C that does nothing else.
func (b *bench) crash() ([]row, error) {
	if err := b.project("crash", 1); err != nil {
		return nil, err
	}
	ours, err := b.killAndWait()
	if err != nil {
		return nil, err
	}
	if err := b.sysg("stop", "-p", "crash"); err != nil {
		return nil, err
	}
	loop := exec.Command(b.floor, "restart", b.stamp, b.fifo)
	loop.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := loop.Start(); err != nil {
		return nil, err
	}
	floor, err := b.killAndWait()
	_ = syscall.Kill(-loop.Process.Pid, syscall.SIGKILL)
	_ = loop.Wait()
	return []row{{what: "crash to replacement, backoff 0", unit: "ms", ours: ours, floor: floor, limit: 5}}, err
}

// killAndWait measures one service that says when it is born.
func (b *bench) killAndWait() ([]float64, error) {
	born, err := b.next()
	if err != nil {
		return nil, err
	}
	var times []float64
	for range b.rounds {
		// Let the machine come to rest, so that no round pays for the one before.
		time.Sleep(30 * time.Millisecond)
		killed := now()
		if err := syscall.Kill(born.pid, syscall.SIGKILL); err != nil {
			return nil, fmt.Errorf("cannot kill the service: %w", err)
		}
		if born, err = b.next(); err != nil {
			return nil, err
		}
		times = append(times, millis(born.ns-killed))
	}
	return times, nil
}
