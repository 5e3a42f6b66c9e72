package main

import (
	"errors"
	"os"
	"runtime/debug"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

// run is the whole program: which verb, its flags, what it does, how it ends.
func run(args []string) int {
	// We live for milliseconds, and what a status of hundreds of services leaves
	// behind is not worth collecting.
	debug.SetGCPercent(400)
	a := newApp()
	return a.out.cutOff(a.end(a.dispatch(args)))
}

// end tells what went wrong, if anything did, and returns the exit code.
func (a *app) end(err error) int {
	var code exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case a.out.failedWith(err):
		return failed // cutOff says it, once.
	default:
		return a.explain(err)
	}
}
