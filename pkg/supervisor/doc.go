// Package supervisor keeps services in the state that people asked for.
//
// Words. A project is an installed generation at work. Each of its services has
// a state (package machine), a wish (wanted: up or down; again: end what runs
// and start anew) and at most one current run. A run is one incarnation of one
// of the service's commands: its main process, its pre_start command, or a
// health probe.
//
// # One loop
//
// Everything here is owned by the goroutine in Run. Whoever has something to
// say posts a function to its inbox, which never blocks: clients' commands, the
// end of a log pipe, the news that a state file is on disk. sysg-exec's events
// come on their own channel. There is no mutex around state and no second place
// that knows it.
//
// A turn of the loop takes all that has arrived, then settles:
//
//	events ──▶ feed(service, event, cause) ──▶ machine.Next ──▶ effects
//	settle:  due timers ──▶ feed …          until nothing more happens
//	         plan.Next  ──▶ feed …
//	then:    finished commands are answered, changed projects saved
//
// So a crash whose backoff is 0 is answered with a launch in the same turn, and
// a hundred exits cost one file write.
//
// # What is true after a crash
//
// Nothing that matters exists only here. Wishes and states are on disk before
// sysg-exec is told to forget an end (Ack); processes, pipes and ends are kept
// by sysg-exec. After a start, or when the connection was lost, List says what
// lives, and adopt.go brings both pictures together.
//
// # Time
//
// There is one timer, set to the earliest of all deadlines; at rest there is
// none. A deadline belongs to a service and to the state that it was set in.
package supervisor
