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
// # Beside
//
// Probes, hooks, the stop command and the commands of a switch run beside the
// run that occupies their service (beside.go). Whoever starts one says how long
// it may take and what follows; it holds up nothing else, and is asked for again
// or forgotten where sysg-exec was lost. Probes that are connections are made
// here, each in a goroutine that posts its answer. What a service says of itself
// comes on a socket of its own, which a goroutine reads for the loop; READY=1
// stays in there until what it led to is on disk.
//
// # Time
//
// There is one timer, set to the earliest of all deadlines; at rest there is
// none. A deadline belongs to a service and to the state that it was set in.
// Schedules go by the real clock, which can be set, and have an alarm of their
// own (cron.go).
package supervisor
