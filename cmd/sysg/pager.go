package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// paged has show print through $PAGER, where a person watches and wants that:
// on a terminal, without --no-pager. less is told to leave what fits on the
// screen there, and to keep colours.
func (o *output) paged(show func(*output) error) error {
	if o.pager == "" {
		return show(o)
	}
	command := exec.Command("/bin/sh", "-c", o.pager)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	if os.Getenv("LESS") == "" {
		command.Env = append(os.Environ(), "LESS=FRX")
	}
	in, err := command.StdinPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		return show(o)
	}
	through := *o
	through.stdout = in
	err = show(&through)
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		err = nil // Who has seen enough leaves the pager.
	}
	return errors.Join(err, in.Close(), ignoreExit(command.Wait()))
}

// ignoreExit leaves out with what code a pager ended.
func ignoreExit(err error) error {
	var exited *exec.ExitError
	if errors.As(err, &exited) {
		return nil
	}
	return err
}
