package main

import (
	"errors"
	"os"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

// run is the whole program: which verb, its flags, what it does, how it ends.
func run(args []string) int {
	a := newApp()
	return a.end(a.dispatch(args))
}

// end tells what went wrong, if anything did, and returns the exit code.
func (a *app) end(err error) int {
	var code exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	default:
		return a.explain(err)
	}
}
