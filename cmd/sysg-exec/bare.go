package main

import (
	"runtime"

	"systemg.org/sysg/pkg/confine"
	"systemg.org/sysg/pkg/sys"
)

// bareThread is a thread that has nothing to give to its children; see
// confine.Bare. It is made for the first service that is launched from it, so
// there is none in a user's instance. A launcher and its bareThread work
// together as one, and are given up as one.
type bareThread struct {
	work chan func()
	// done says that the work is, or why there can be none.
	done chan error
}

// run calls do there, and waits for it.
func (b *bareThread) run(do func()) error {
	if b.work == nil {
		b.work, b.done = make(chan func()), make(chan error)
		go b.serve(b.work, b.done) // Ends when work is closed.
	}
	b.work <- do
	return <-b.done
}

func (b *bareThread) serve(work <-chan func(), done chan<- error) {
	runtime.LockOSThread() // And never unlocked: the thread ends with this.
	err := sys.UnblockSignals()
	if err == nil {
		err = confine.Bare()
	}
	for do := range work {
		if err == nil {
			do()
		}
		done <- err
	}
}

func (b *bareThread) end() {
	if b.work != nil {
		close(b.work)
	}
}
