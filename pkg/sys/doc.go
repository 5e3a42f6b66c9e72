// Package sys makes the system calls that the rest of the program needs and Go's
// standard library does not offer: restarted when a signal interrupts them
// (EINTR, signal(7)), with close-on-exec set on every new descriptor, and with
// errors that name the call.
//
// It decides nothing. It has no state and starts no goroutine. A function that
// returns a descriptor gives it to the caller, who closes it; a function that
// takes one leaves it open unless its comment says otherwise. Variables that
// hold a bare descriptor end in FD.
package sys
